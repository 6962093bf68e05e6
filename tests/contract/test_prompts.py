from __future__ import annotations

import pytest

from prompts import load

RELEASED = {
    ("route", "v1"): "19b1e05537df9f5e4b44d02168deae4265e0f8b83ee77da62469321091b92a94",
    ("route", "v2"): "3c9db2c51862ed967059a461431de55a1ee95b76a70ac1ece77c1783c1f17828",
    ("compose", "v1"): "4bb9d2fb5080a72e33887976e73f59fd3c5c880eb0d176325678ad33f6b0aeb0",
    ("compose", "v2"): "98090f316988e25b85565282c35033ac330c70ae009fad7546795e427355bc6d",
    ("read_film", "v1"): "876814446386aa729fe5d5222733f24481d38ffa9ed309b286f107d92eff843c",
    (
        "compare_with_prior",
        "v1",
    ): "e97240ce8ff4f977a6666026af548daf0fb5e3b87c1d0f72fd034d5201ee0e7a",
    (
        "tumour_board_summary",
        "v1",
    ): "a1a333f8c1c1203e9a924f67a639d1b0792400abc95f71532cc51a7d937572d7",
    ("eye_screening", "v1"): "68411dfb52cdd3248e3be1374f496ef63d53c8d41aa7faadf893ae10b4faf641",
    ("genetic_risk", "v1"): "ea46c3b9d1bc8f6a515674cc4de75803817ebead400d358d2496b2a890b5fbab",
    (
        "medgemma_chest_comparison",
        "v1",
    ): "61090bb133f439abf916138208bf810a0814b4168280eee1ee213f00fdeb44db",
    (
        "medgemma_chest_report",
        "v1",
    ): "b906e5fe4f7f1772ace791d052fae12d4cf6555c8d89c978c13c9a27f6677551",
    (
        "medgemma_ct_instruction",
        "v1",
    ): "e2a74bf427737daa61ad53003561d34ddf5f47aa0e9551c32d416e4d784c0624",
    ("medgemma_ct_query", "v1"): "0ac495f674da7a212afabdfa9e3a27fd14ec43c4c4a8adcac45f437e3bf002a5",
    (
        "medgemma_localization",
        "v1",
    ): "2e29492838a6ad7b41c2ea1bac75fefb72ff1618766a12bb511137c5bf4058c8",
    (
        "medgemma_mr_instruction",
        "v1",
    ): "2fb49eec90fefcb325ac8d71b0557a2f6570d80dfdf53561fa43b9d472a0f875",
    ("medgemma_options", "v1"): "dc532f07d6f6b9d26a524d7cec3a88b0c9213bf0afcb0a008b218c589c3cc01e",
    ("medgemma_question", "v1"): "82f1bec56ee7989b337d7d13f7152c286184b6717e2f4c368566b005a55bdc5c",
    ("medgemma_slide", "v1"): "9aeb4596962370d560bc000301eb7cb1cfe8b06300a1088e0bc866e99e1d7c25",
    ("medsiglip_skin", "v1"): "b82994bca9a7cf2580a39fd59d8d51705cee65e3c81370947badfc1e3608ed82",
    ("medsiglip_retina", "v1"): "459a522b465c0e06f2f73915dcf2ed628ce5a507169e041a8515ac91dff07b04",
    (
        "medsiglip_chest_xray",
        "v1",
    ): "7951f0f3f7a301e3e0f92482e829ef20a88298a5c503eb9642a0fb6415ad9648",
    (
        "medsiglip_pathology",
        "v1",
    ): "3e44def8fade1a02a79a66e01276ae850a136db9f1523f7f3d5caced3b7ada78",
}


@pytest.mark.parametrize(("name", "version"), RELEASED)
def test_released_prompt_is_never_edited(name: str, version: str) -> None:
    assert load(name, version).digest == RELEASED[name, version]


def test_newest_prompt_is_the_one_that_is_used() -> None:
    newest = max(version for name, version in RELEASED if name == "route")
    assert load("route").version == newest


def test_unknown_prompt_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        load("route", "v0")


def test_newest_version_is_used_where_none_is_named() -> None:
    assert load("compose").version == "v2"
