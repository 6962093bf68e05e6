"""Numbers as they are written: digits, and words in six languages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from agent.grounding.tokens import Token, plain

__all__ = ["number_words", "read_digits", "read_words"]


_SPOKEN = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce "
    "quince dieciséis diecisiete dieciocho diecinueve",
    "fr": "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze "
    "quinze seize dix-sept dix-huit dix-neuf",
    "de": "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn "
    "fünfzehn sechzehn siebzehn achtzehn neunzehn",
    "pt": "zero um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze "
    "dezesseis dezessete dezoito dezenove",
    "zh": "零 一 二 三 四 五 六 七 八 九 十",
}
_TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "fr": "vingt trente quarante cinquante soixante soixante-dix quatre-vingts quatre-vingt-dix",
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "pt": "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
    "zh": "",
}
_ALSO = {"de": {"zwo": 2}, "es": {"dos": 2}, "pt": {"duas": 2}, "zh": {"两": 2}}


@lru_cache(maxsize=8)
def number_words(language: str) -> dict[str, float]:
    """Load a language's words for numbers below a hundred."""
    words = {plain(word): float(value) for value, word in enumerate(_SPOKEN[language].split())}
    tens = {plain(word): 10.0 * value for value, word in enumerate(_TENS[language].split(), 2)}
    return words | tens | {plain(k): float(v) for k, v in _ALSO.get(language, {}).items()}


def read_digits(text: str, language: str) -> tuple[float, float, float | None]:
    """Return value, half of the last place, and the other reading if there is one."""
    text = re.sub(r"\s", "", text.replace("−", "-").replace("–", "-")).lstrip("+")
    decimal, group = (".", ",") if language in {"en", "zh"} else (",", ".")
    grouped = rf"-?[1-9]\d{{0,2}}([{group}]\d{{3}})+"
    if re.fullmatch(rf"{grouped}([{decimal}]\d+)?", text):
        whole = _number(text.replace(group, ""), decimal)
        single = text.count(group) == 1 and decimal not in text
        other = float(text.replace(group, ".")) if single and group == "." else None
        return (*whole, other)
    if re.fullmatch(r"-?[1-9]\d{0,2}([.,]\d{3}){2,}", text):
        return (*_number(re.sub("[.,]", "", text), decimal), None)
    return (*_number(text.replace(",", "."), "."), None)


def _number(text: str, decimal: str) -> tuple[float, float]:
    text = text.replace(decimal, ".")
    mantissa, _, exponent = text.partition("e")
    if mantissa.count(".") > 1:
        mantissa = mantissa.replace(".", "")
    places = len(mantissa.partition(".")[2])
    power = int(exponent or 0)
    return float(f"{mantissa}e{power}"), 0.5 * 10 ** (power - places)


def read_words(tokens: Sequence[Token], at: int, language: str) -> tuple[float, int] | None:
    """Read 'ninety-three', 'vingt et un', '十五'; a lone 'one' is no number."""
    words = number_words(language)
    first = words.get(plain(tokens[at].text))
    if first is None or tokens[at].kind != "word":
        return None
    if language == "zh":
        return _chinese(tokens, at)
    nxt = words.get(plain(tokens[at + 1].text)) if at + 1 < len(tokens) else None
    if first >= 20 and nxt is not None and 0 < nxt < 10:
        return first + nxt, 2
    return (first, 1) if first != 1 else None


def _chinese(tokens: Sequence[Token], at: int) -> tuple[float, int] | None:
    words = number_words("zh")
    digits: list[float] = []
    while at + len(digits) < len(tokens) and tokens[at + len(digits)].text in words:
        digits.append(words[tokens[at + len(digits)].text])
    if digits == [1.0] or not digits:
        return None
    if 10.0 in digits:
        cut = digits.index(10.0)
        tens = digits[0] if cut else 1.0
        return 10 * tens + (digits[cut + 1] if cut + 1 < len(digits) else 0), len(digits)
    return (digits[0], 1) if len(digits) == 1 else None
