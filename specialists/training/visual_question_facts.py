"""What the card of the image question reference says that is not measured."""

from typing import Any

FACTS: dict[str, Any] = {
    "name": "wardround image question reference",
    "version": "1.1.0",
    "task": "a yes-or-no question about one radiograph, CT or MR picture; which region it shows",
    "classes": ["no", "yes"],
    "input": {"source": "sRGB or grey picture of any size, and the question in English"},
    "architecture": {
        "kind": "ridge regression on words, pairs of words and pieces of words, crossed with the "
        "part of the body that the picture shows",
    },
    "data": [
        {
            "name": "VQA-RAD, training questions",
            "licence": "CC0",
            "attribution": "Lau, Gayen, Ben Abacha, Demner-Fushman, doi:10.1038/sdata.2018.251",
        }
    ],
    "licence": "Apache-2.0",
    "intended_use": "Trying and testing the program on a laptop; teaching.",
    "not_for": ["any question about a patient", "languages other than English"],
    "limits": [
        "little better than the question alone: of the picture it knows which part of the body it "
        "shows, and nothing of the findings; most of its sets hold both answers",
        "the chest is known from films only: on CT and MR of the trunk chest and abdomen are not "
        "told apart, and the answer leaves both open",
        "open questions are answered only for modality, region and view, and where another "
        "specialist's model measures what is asked",
        "314 images; the official test images are all among the training images",
    ],
}
