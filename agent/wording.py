"""What words ask for, as far as patterns can tell: greetings, kinds of study, comparisons, orders.

Patterns are matched against `plain` text. The rule planner decides by them; the shipped Gemma is
told what they found and may know better.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = [
    "ABOUT",
    "ADDRESSED",
    "ADVICE",
    "AGAIN",
    "COMPARE",
    "DEFINITION",
    "EARLIER",
    "GENOTYPES",
    "GREETING",
    "IDENTITY",
    "MEANING",
    "MODALITIES",
    "NOT",
    "ONLY",
    "OTHER",
    "OUT_OF_SCOPE",
    "deictic",
    "excluded",
    "has",
    "modalities",
    "plain",
    "without_orders",
]

_HAN = r"[\u4e00-\u9fff]"
GREETING = (
    r"^(hi|hello|hey|hola|bonjour|hallo|guten tag|ol[aá]|bom dia|thanks?|thank you|gracias|merci|"
    r"danke|obrigad[oa])\b|^(你好|您好|谢谢)"
)
_YOU = r"(you|your (tools?|models?|team|system)|this (system|tool|service|software|assistant|app))"
ABOUT = (
    r"\b(what|which) (can|could) you\b(?! (see|find|tell|say|make|read|spot))"
    r"|\bwho (are|made|built|runs?) you\b|\bwhat are you\b|\bhow do you (work|decide|choose|know)\b"
    r"|\b(which|what) (tools|specialists|models|modalities|files|formats|languages)\b"
    r"|\byour (tools?|limits?|models?|training|data|name|purpose|accuracy|sensitivity|error rate|"
    r"version|licen[cs]e|answers|probabilities)\b"
    rf"|\b(are|is) {_YOU} (an?|the|any|my|certified|validated|calibrated|free|open|safe|reliable|"
    r"accurate|approved|able|there|ce|fda|gdpr|hipaa|human|real|better|valid|trained)\b"
    r"|\b(do|will|would|can) you (store|keep|save|learn|share|remember|hallucinate|make things up|"
    r"support|accept|take|need|speak|understand|work|handle|cover|run|use|refuse|also (do|look|"
    r"read))\b"
    r"|\b(can|may|should) i (ask|upload|send|trust|attach|use|rely on|install|call) (you|it|this|"
    r"several|a|my|one|more|the result)\b"
    r"|\bhow (accurate|reliable|good|fast|many .{1,30}trained|well) (are|is|do|does|were) (you|"
    r"your|"
    r"the (tool|model|system))\b|\bhow (can|do) i (upload|attach|start|use you|install|phrase)\b"
    r"|\bwhere (do|does|are|is) (my|the|our) (data|images?|pictures?|files?|scans?).{0,20}"
    r"(go|end up|stored|kept|processed|sent)\b|\bwho (can|gets to|will) see (my|the|what)\b"
    r"|\bwie (funktionierst du|funktionieren sie|genau (bist|sind)|zuverl[aä]ssig (bist|sind)|"
    r"gehen sie mit)\b"
    r"|\b(bist|sind) (du|sie) (ein|eine|zertifiziert|validiert|sicher genug)\b"
    r"|\bwas (kannst|k[oö]nnen|bist|machst|brauchst) (du|sie)\b(?! (auf|hier|sehen|erkennen))"
    r"|\bwof[uü]r (bist|sind)\b|\b(speicherst|speichern|lernst|lernen) (du|sie)\b"
    r"|\b(meine|die|unsere) (daten|patientendaten|bilder) (gespeichert|verarbeitet|weitergegeben)\b"
    r"|\bqu[eé] (puedes?|sabes?|sabe) (hacer|leer)\b|\bqui[eé]n (eres|es usted|te hizo|lo hizo)\b"
    r"|\b(eres|es usted) (un|una|m[eé]dico|fiable)\b|\b(guardas?|almacenas?) (mis|los|las)\b"
    r"|\bqu[eé] (herramientas|modelos|formatos|archivos|estudios)\b|\bmis datos\b|\bpuedo (fiarme|"
    r"confiar)\b"
    r"|\bque (peux-tu|pouvez-vous|sais-tu|savez-vous) faire\b|\bqui (es-tu|[eê]tes-vous)\b"
    r"|\b(es-tu|[eê]tes-vous|vous [eê]tes|tu es) (un|une|m[eé]decin|fiable|certifi[eé])\b|"
    r"\bmes donn[eé]es\b"
    r"|\b(gardez|conservez|stockez)-vous\b|\bquels? (outils?|mod[eè]les?|fichiers?|formats?)\b"
    r"|\bvos (outils|mod[eè]les|limites|donn[eé]es)\b|\bque peux-tu\b"
    r"|\bo que (voc[eê]|o senhor|a senhora) (faz|pode|consegue|n[aã]o)\b|\bquem (é|e|fez) voc[eê]\b"
    r"|\bvoc[eê]s? ([eé]|s[aã]o|foram|foi|guarda\w*|armazena\w*|aceita\w*|l[eê])\b|\bmeus dados\b"
    r"|\b(quais|que) (ferramentas|modelos|formatos|arquivos)\b|\bposso confiar\b"
    r"|你能做什么|可以做什么|你(是|叫)(谁|什么|机器|真人|医生|人工)|你会.{0,8}(保存|上传|发给)|"
    r"(准确率|准确性|隐私|我的数据)|你的(工具|模型|局限|用途|功能)|支持.{0,6}格式|你能(看|读|处理)(哪些|什么)"
)
DEFINITION = r"^(what (is|are|does)|define|explain|qu[eé] es|qu'est-ce|was ist|o que [eé]|什么是)\b"
MEANING = (
    r"\b(what is|what's|what are) (meant|the (meaning|definition)) (by|of)\b|\b(meaning|"
    r"definition) of\b"
    r"|\bwas (hei(ß|ss)t|ist mit .{1,30} gemeint|versteht man)\b|\bque veut dire\b|\bqu'entend-on\b"
    r"|\bqu[eé] quiere decir\b|\bo que quer dizer\b|\bdefinici[oó]n de\b|\bd[eé]finition de\b"
    r"|\bdefini[cç][aã]o de\b|\bdefinition von\b|指什么|的定义"
    r"|"
    r"\bwhat (do|does)\b.{1,40}\bmean\b|^define\b|\bwas bedeutet\b|\bqu[eé] significa\b"
    r"|\bque (veut dire|signifie)\b|\bo que significa\b|什么意思|^什么是"
    r"|^(what is an?|qu[eé] es una?|c'est quoi une?|qu'est-ce qu'une?|was ist eine?)\b"
    r"|^o que [eé] uma?\b"
)
"""Questions about a word, also where files are attached."""
ADDRESSED = (
    r"\b(you|yours?|tu|t[uú]|usted|ustedes|vous|votre|du|sie|dein\w*|ihr\w*|voc[eê]s?)\b|你|您"
)
"""Speaks to the system."""
AGAIN = (
    r"\b(why|sure|certain|evidence|again|unit|warum|sicher|beleg\w*|por qu[eé]|segur[oa]|"
    r"evid[eê]ncias?|pourquoi|s[uû]re?|preuves?|certeza)\b|为什么|确定|依据"
)
"""Questions about what was said: nothing new is asked of a model."""
_WE = r"(i|we|he|she|they|you|one|my \w+|the \w+|this \w+|our \w+)"
_ACTS = (
    r"(give|start|stop|take|treat|operate|discharge|admit|prescribe|switch|add|increase|reduce|"
    r"double|"
    r"hold|transfuse|intubate|extubate|anticoagulate|excise|remove|cut|refer|send|drain|inject|"
    r"biopsy|"
    r"wait|watch|vaccinate|isolate|escalate|resuscitate|continue|withdraw|put|keep|use|eat|drink|"
    r"drive|"
    r"fly|work|swim|run|play|travel|exercise|stay|go|see|call|worry|sue|do about|manage|proceed|"
    r"repeat)"
)
OUT_OF_SCOPE = (
    rf"\b(should|shall|must|ought|need) {_WE}( to| not)? {_ACTS}\b(?! (the|this|these|my|a) (film|"
    rf"scan|slide|image))"
    rf"|\b(would|do) you (recommend|advise|suggest|prescribe|treat|operate|admit|discharge|excise|"
    r"give|start|stop|anticoagulate|intubate|biopsy|refer|cut|keep|switch|manage)\b"
    r"|\b(can|may|could|will) (i|he|she|we|they|my \w+)\b.{0,14}\b(fly|drive|work|swim|go home|"
    r"go back|travel|drink|exercise|"
    r"eat|run|dive|breastfeed|have children|be discharged|take|stop|survive|recover|die|live)\b"
    r"|\b(next (best )?step|what now|now what|what next|management plan|plan of care|way forward)\b"
    r"|\bhow (would|do|should|shall) (you|we|i) (manage|proceed|handle|treat|approach|dose)\b"
    r"|\b(life expectancy|survival|prognos\w+|chances of (survival|recovery)|how long (have|has|"
    r"do|does|will) "
    r"(i|he|she|they|we)( got| live| have)?)\b"
    r"|^(please |can you |could you |would you |kindly |pls )*(write|draft|compose|reword|"
    r"rephrase|rewrite|proofread|"
    r"translate|print|email|e-mail|fax|rotate|crop|rename|delete|convert|sharpen|brighten|burn|"
    r"book|"
    r"order|buy|sing|play|invent|recommend|solve|code|debug)\b(?! (a |the )?report on)"
    r"|\b(malpractice|negligen\w+|liable|compensation|lawsuit|sue|court)\b"
    r"|\b(mg|mcg|units|tablets|ml)\b.{0,20}\b(bd|tds|qds|daily|twice|once|per day|every)\b"
    r"|\bsoll(te)?n? (ich|man|wir|er|sie)\b|\bw[uü]rde(n|st) (sie|du)\b.{0,40}\b(geben|operieren|"
    r"absetzen|"
    r"behandeln|aufnehmen|entlassen|empfehlen|antikoagulieren)\b|\bmuss (man|das|ich|er|"
    r"sie)\b.{0,25}\b(operier\w*|raus|weg|"
    r"behandel\w*|ins krankenhaus|entfern\w*)\b|\bdarf (ich|er|sie|man)\b|\bwas (nun|jetzt|tun)\b|"
    r"\bwie weiter\b"
    r"|\b(procedere|weiteres vorgehen|n[aä]chster schritt|lebenserwartung|prognose)\b"
    r"|^(bitte )?(schreib\w*|formulier\w*|verfass\w*|dichte|[uü]bersetz\w*|druck\w*|l[oö]sch\w*|"
    r"dreh\w*|korrigier\w*) "
    r"|\b(hay que(?! (derivar|informar|mirar|comparar))|debo|deber[ií]a(mos)?|conviene|"
    r"habr[ií]a que)\b|\bpuedo (volar|conducir|trabajar|tomar|correr|hacer deporte)\b"
    r"|\bpodr[eé] \w+|\by ahora qu[eé]\b|\bsiguiente paso\b|\bpron[oó]stico\b|"
    r"^(por favor )?(escrib\w+|redact\w+|imprim\w+|traduc\w+|borr\w+|gir\w+) "
    r"|\b(faut-il(?! (l'adresser|comparer|lire))|dois-je|devons-nous|vaut-il mieux|puis-je)\b|"
    r"\best-ce que je (peux|dois)\b|\bconduite [aà] tenir\b"
    r"|\bpronostic\b|\bvous (op[eé]reriez|donneriez|traiteriez|anticoaguleriez|arr[eê]teriez)\b"
    r"|^([eé]cri\w+|r[eé]dige\w*|traduis|imprime\w*|supprime\w*|fais[- ]moi|raconte) "
    r"|\b(devo|preciso|precisa) (dar|operar|tomar|internar|parar|come[cç]ar|iniciar|"
    r"de cirurgia)\b|\bposso (viajar|dirigir|trabalhar|tomar|voltar)\b"
    r"|\be agora\b|\bpr[oó]ximo passo\b|\bprogn[oó]stico\b|\bqual a conduta\b|^(escrev\w+|"
    r"fa[cç]a um (resumo|discurso)|traduz\w*|imprim\w+|conte) "
    r"|要不要|怎么办|怎么处理|怎么处置|下一步|该不该|应该(用|给|吃|做|停)|能(治好|活|上班|开车|坐飞机|运动)|还能.{0,4}(上班|开车|运动|活)|预后|复发|"
    r"^(帮我|请)?(写|打印|删除|翻译|发邮件)"
    r"|\bprescri(be|bing|ptions?|re|bir)\b|\btreatment (plan|recommendation|options?)\b|"
    r"^treat\b(?! \w+ as\b)"
    r"|\b(what|which|how much|how many)\b.{0,40}\b(dose|dosage|drugs?|antibiotics?|medications?|"
    r"treatment|therapy|chemo\w*)\b"
    r"|\b(should|shall|can|must) (i|we|he|she|they|the patient)\b.{0,30}\b(give|start|stop|take|"
    r"treat|operate|discharge)\b"
    r"|\bhow (do|should|would|to|can)\b.{0,20}\btreat\b"
    r"|\brecommend\w*\b.{0,30}\b(treatment|therapy|drug|dose|management)\b"
    r"|\b(qu[eé]|cu[aá]l)\b.{0,30}\b(tratamiento|antibi[oó]tico|medicamento|f[aá]rmaco|dosis)\b"
    r"|\bquel(le)?s?\b.{0,30}\b(traitement|antibiotique|m[eé]dicament|dose)s?\b"
    r"|\bwelche\w?\b.{0,30}\b(medikamente?|antibiotik\w+|dosis|therapie|behandlung)\b"
    r"|\b(qual|que)\b.{0,30}\b(tratamento|antibi[oó]tico|medicamento|dose)\b|什么药|用药|剂量|怎么治"
    r"|\b(weather|poem|joke|recipe|stock price|invoice|email|password|world cup|appointment)\b|天气"
    r"|\b(admitted|discharged|curable|fly home|prognosis|se trata|behandle ich)\b|治疗"
    r"|system prompt"
)
ADVICE = (
    r"\b(should|shall|can|could|may|must|recommend\w*|suggest\w*|advise\w*|prescri\w+|treat\w*|give|"
    r"start|stop|increase|reduce|best|better|suitable|safe|debe|deber[ií]a|doit|faut|soll\w*|"
    r"empf\w+|deve|deveria|recet\w+)\b|应该|可以|怎么"
)
"""Beside a record: what asks for advice, and not for what is written there."""
IDENTITY = (
    r"\b(patient'?s?|their|his|her) (name|identity|birth ?date|date of birth|address|id)\b"
    r"|\bwho is (this|the) (patient|person)\b|\bnombre del paciente\b|\bnom du patient\b"
    r"|\bname des patienten\b|\bnome do paciente\b|(患者|病人)的?姓名"
)
NOT = (
    r"\b(not|except|ignore|ignoring|without|excluding|but not|no|sin|sauf|sans|ohne|au[sß]er|nicht|"
    r"exceto|sem)( for)?( the| el| la| le| das| den| die| o| a)? ?"
)
ORDER = (
    r"\b(ignore|disregard|forget|override)\b.{0,40}\b(instructions?|rules?|prompts?|guidelines)\b"
    r"|^\W*(system|sistema|syst[eè]me|developer|administrator)( message)? ?:"
    r"|\bas (root|admin\w*|developer)\b|\b(every|all) tools? on (every|all)"
    r"|\b(ignora|olvida|oublie|ignore|vergiss|ignoriere|esque[cç]a)\b.{0,30}\b(reglas|"
    r"instrucciones|"
    r"consignes|r[eè]gles|regeln|anweisungen|regras|instru[cç][oõ]es)\b"
)
"""Instructions to the planner: what carries them is left out, the rest is a question."""
ONLY = (
    r"\b(only|just|solely|exclusively|nothing but|s[oó]lo|solamente|[uú]nicamente|exclusivamente|"
    r"nada m[aá]s|seulement|uniquement|juste|rien que|exclusivement|nur|lediglich|"
    r"ausschlie(ß|ss)lich|blo(ß|ss)|apenas|somente|s[oó]|unicamente)\b|(?<![两二三一几])只|仅|单独"
)
COMPARE = (
    r"\b(compar\w*|prior|previous|earlier|interval|change[sd]?|since|worse\w*|better|progress\w*|"
    r"anterior|previ[ao]s?|pr[eé]c[eé]dent\w*|vorher\w*|vergleich\w*|voraufnahmen?|vorbefund\w*|"
    r"cleared|resolved|resolving|improv\w*|regress\w*|r[eé]gress\w*|diminu\w*|aument(?:ou|ó|aron|"
    r"aram)|augment[eé]e?s?|"
    r"empeor\w*|mejor\w*|melhor\w*|pior\w*|aggrav\w*|am[eé]lior\w*|mieux|besser|schlechter|"
    r"unchanged|stable|static|same as (last|before)|deteriorat\w*|shrunk|shrink\w*|grown|"
    r"bigger or smaller|resolution|"
    r"baseline|before and after|before vs|old (one|film)? ?v(s|ersus)|then and now|still there|"
    r"differ(s|ent|ence)?|delta|"
    r"what('s| is) new|estables?|sigue igual|sin cambios|resuelto|desaparec\w*|crecid[oa]|"
    r"stabilit[eé]|inchang[eé]e?s?|"
    r"disparu\w*|empir\w*|unver[aä]ndert|stabil|gleichbleibend|zunahme|abnahme|r[uü]ckgang|"
    r"zur[uü]ckgebildet|"
    r"est[aá]ve(l|is)|regredi\w*|sumiu|respond(ed|ing)|response|"
    r"gebessert|verbessert|verschlechtert|r[uü]ckl[aä]ufig|zugenommen|abgenommen|ver[aä]nder\w*|"
    r"evoluci[oó]n|[eé]volution|evolu[cç][aã]o|cambi\w*|mudou|mudan[cç]a|chang[eé]s?|"
    r"[eé]volu[eé]\w*|verlauf\w*|trend|new since|bigger than|smaller than)\b"
    r"|对比|比较|变化|稳定|一样吗|不同|消失|消了|较昨|较前|两次|恶化|好转|进展|吸收|相比|前片|加重"
)
EARLIER = (
    r"\b(old(er)?|earlier|previous|prior|baseline|admission|yesterday'?s?|last (week|"
    r"month|year)('?s)?"
    r"|initial|anterior|previ[ao]|vieja|antigua|ancien\w*|pr[eé]c[eé]dent\w*|alte[nrs]?|"
    r"vorher\w*|"
    r"antig[oa]|pr[eé]vi[oa])\b|旧|之前|上次|以前"
)
"""Calls a film the earlier one."""
OTHER = r"\b(other|otr[oa]|autre|ander[enrs]{1,2}|outr[oa])\b|另外?一"
"""Turns to what was not spoken of before."""
MODALITIES: dict[str, tuple[str, ...]] = {
    r"\b(x[- ]?rays?|xr|cxr|radiographs?|films?|radiograf[ií]as?|radiographies?|r[oö]ntgen\w*|rx|"
    r"raio-?x)\b|胸片|x ?光": ("CR", "DX"),
    r"\b(ct|cts|cat scan|computed tomography|tac|tc|scanner|tomograf[ií]a|tomodensitom[eé]trie|"
    r"computertomogra\w+)\b|计算机断层": ("CT",),
    r"\b(mri?|mrt|irm|resonancia|resson[aâ]ncia|magnetic resonance)\b|磁共振|核磁": ("MR",),
    r"\b(slides?|histolog\w+|histopatholog\w+|biops\w+|h&e)\b|切片|病理": ("SM",),
    r"\b(fundus|retinal photo\w*|fondo de ojo|fond d'?[oœ]e?il|augenhintergrund)\b|眼底": (
        "OP",
        "OPT",
    ),
    r"\b(dermoscop\w+|dermatoscop\w+)\b|皮肤镜": ("XC", "DMS"),
}
GENOTYPES = r"\b(vcf|pgs\d+|genom\w*|genotyp\w*|exome|dna)\b|基因"


def without_orders(text: str) -> str:
    """The text less the sentences that give the planner orders."""
    sentences = re.split(r"(?<=[.!?])\s+|(?<=[。！？])|\n", text)
    return " ".join(one for one in sentences if not re.search(ORDER, one)).strip()


def modalities(text: str) -> set[str]:
    """DICOM codes of the kinds of study that the text names."""
    return {code for words, codes in MODALITIES.items() if re.search(words, text) for code in codes}


def excluded(text: str) -> set[str]:
    """Kinds of study that the question leaves out: 'not the CT'."""
    named = [codes for words, codes in MODALITIES.items() if re.search(NOT + f"(?:{words})", text)]
    return {code for codes in named for code in codes}


def deictic(text: str) -> bool:
    """Whether the text points at something that is there."""
    return bool(re.search(r"\b(this|these|here|the (image|film|scan|file))\b", text))


def has(text: str, word: str) -> bool:
    """Whether the text has the word or phrase, as whole words where the script has such."""
    sought = plain(word)
    if not sought.isascii() and not re.search(r"[a-z]", sought):
        return sought in text
    return re.search(rf"(?<!\w){re.escape(sought)}(?!\w)", text) is not None


def plain(text: str) -> str:
    """Lower case in composed form, with Latin words set apart from Chinese ones."""
    lower = unicodedata.normalize("NFC", text).lower().strip()
    return re.sub(rf"(?<={_HAN})(?=[a-z0-9])|(?<=[a-z0-9])(?={_HAN})", " ", lower)
