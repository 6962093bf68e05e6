import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from specialists.errors import BackendUnavailable, InvalidInput, UnreadableFile
from specialists.polygenic import library
from specialists.polygenic.catalogue import choose
from specialists.polygenic.meaning import discovery
from tools import scores

SCORE = (
    "#pgs_id=PGS000004\n#HmPOS_build=GRCh38\n"
    "hm_chr\thm_pos\teffect_allele\teffect_weight\n1\t5\tA\t1\n"
)
INDEX = (
    "Polygenic Score (PGS) ID,PGS Name,Reported Trait,Mapped Trait(s) (EFO label),"
    "Number of Variants\n"
    "PGS000001,PRS77_BC,Breast cancer,breast carcinoma,77\n"
    "PGS000004,PRS313_BC,Gout of the toe,gout,313\n"
    'PGS000005,x,"Gout, familial",gout,3\n'
)
FILES = {
    "/scores/PGS000004/ScoringFiles/Harmonized/PGS000004_hmPOS_GRCh38.txt.gz": gzip.compress(
        SCORE.encode()
    ),
    "/scores/PGS000006/ScoringFiles/Harmonized/PGS000006_hmPOS_GRCh38.txt.gz": gzip.compress(
        SCORE.encode()
    ),
    "/metadata/pgs_all_metadata_scores.csv": INDEX.encode(),
}


class Catalog(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = FILES.get(self.path)
        self.send_response(200 if content else 404)
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *parts: object) -> None:
        pass


@pytest.fixture(autouse=True)
def folder(tmp_path) -> Iterator[Path]:
    place = library.folder()
    library.configure(tmp_path / "scores", None)
    yield tmp_path / "scores"
    library.configure(place, None)


@pytest.fixture
def catalog(folder) -> Iterator[None]:
    server = HTTPServer(("127.0.0.1", 0), Catalog)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    library.configure(folder, f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    server.server_close()
    thread.join()


def test_score_is_fetched_once_by_its_id(catalog, folder):
    path = choose("pgs000004", None)
    assert path == folder / "PGS000004_hmPOS_GRCh38.txt.gz"
    library.configure(folder, None)
    assert choose("PGS000004", "GRCh38") == path


def test_without_a_network_the_message_says_what_to_fetch_and_where_to_put_it(folder):
    with pytest.raises(InvalidInput, match=r"Fetch https://ftp\.ebi\.ac\.uk/.*PGS000004") as caught:
        choose("PGS000004", "GRCh37")
    assert "PGS000004_hmPOS_GRCh37.txt.gz" in caught.value.client_message
    folder.mkdir()
    (folder / "PGS000004_hmPOS_GRCh37.txt").write_text(SCORE)
    assert choose("PGS000004", "GRCh37").parent == folder


@pytest.mark.parametrize("pgs_id", ["PGS000006", "PGS000007"])
def test_score_that_is_another_or_is_not_there_is_not_kept(catalog, folder, pgs_id):
    with pytest.raises(BackendUnavailable):
        library.fetch(pgs_id, "GRCh38")
    assert not [path for path in folder.glob("*") if path.name != "index.csv"]


def test_traits_are_those_of_the_list_once_it_is_fetched(catalog):
    with pytest.raises(InvalidInput, match="wardround scores refresh"):
        choose("gout of the toe", None)
    assert scores.refresh() == 3
    assert choose("gout of the toe", None).name == "PGS000004_hmPOS_GRCh38.txt.gz"
    with pytest.raises(InvalidInput, match=r"PGS000004 .*, PGS000005"):
        choose("gout", None)
    assert [(row["pgs_id"], row["here"]) for row in scores.listed("gout")] == [
        ("PGS000004", "fetched"),
        ("PGS000005", None),
    ]


def test_list_that_is_none_is_an_error(folder):
    folder.mkdir()
    (folder / "index.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UnreadableFile):
        list(library.index())


def test_shipped_score_on_the_build_of_the_genotypes_is_never_fetched():
    assert choose("PGS000001", "GRCh37").name == "PGS000001_hmPOS_GRCh37.txt.gz"
    # There is no file for the other build: the shipped one is taken, and refused later.
    assert choose("PGS000002", "GRCh37").name == "PGS000002_hmPOS_GRCh38.txt.gz"


def test_ancestry_of_a_score_is_as_the_list_says(folder):
    assert library.ancestry("PGS000004") == {}
    folder.mkdir()
    made = "Ancestry Distribution (%) - "
    columns = f"{made}Source of Variant Associations (GWAS),{made}Score Development/Training"
    head, rows = INDEX.split("\n", 1)
    first, second, third = rows.splitlines()
    whose = ["African:60.5|Multi-ancestry (excluding European):39.5,European:100", ",", ","]
    lines = [f"{row},{said}" for row, said in zip((first, second, third), whose, strict=True)]
    (folder / "index.csv").write_text("\n".join([f"{head},{columns}", *lines]))
    assert library.ancestry("PGS000001") == {
        "gwas": {"African": 60.5, "Multi-ancestry (excluding European)": 39.5},
        "training": {"European": 100},
    }
    assert library.ancestry("PGS000004") == {}
    # The list comes before what ships.
    assert discovery({"pgs_id": "PGS000001"})["African"] == 60.5
    assert discovery({"pgs_id": "PGS000802"})["East Asian"] == 100
