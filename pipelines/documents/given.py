"""The upper levels of the lineage as a recipe gives them (`decompose.given`): written as tables, without a model.

Their rows have the ids that the same words would have had from a model, and no request.
"""

from corpus.ids import content_id
from corpus.store import write_table
from pipelines.base import Corpus, Row
from pipelines.documents.settings import GivenSubdomain, GivenType
from specs.errors import UserError


def check_given(corpus: Corpus) -> None:
    """UserError, before anything is asked, for an address that the spec does not have."""
    for domain in corpus.settings.decompose.given:
        for sub in domain.subdomains:
            if unknown := [address for address in sub.passages if address not in corpus.passage_ids]:
                last = corpus.spec.passages[-1].address
                raise UserError(
                    f"decompose.given: subdomain {sub.name!r} names the passage {unknown[0]!r}; the spec "
                    f"{corpus.spec.name} has P1 to {last}, and `specmill spec show` prints them."
                )


def write_given(corpus: Corpus) -> None:
    """The tables `domains`, `subdomains` and `assertions`, and `document_types` and `ideas` where they are given."""
    tables: dict[str, list[Row]] = {name: [] for name in ("domains", "subdomains", "assertions")}
    lower: dict[str, list[Row]] = {name: [] for name in ("document_types", "ideas")}
    for place, domain in enumerate(corpus.settings.decompose.given):
        spec_hash = corpus.spec.hash
        domain_id = content_id("domains", spec_hash, domain.name)
        tables["domains"].append(
            {
                "id": domain_id, "spec_hash": spec_hash, "position": place, "name": domain.name,
                "summary": domain.summary, "request_id": None,
            }
        )  # fmt: skip
        for number, sub in enumerate(domain.subdomains):
            row = _subdomain(corpus, domain_id, number, sub)
            tables["subdomains"].append(row)
            tables["assertions"] += _assertions(row["id"], sub)
            for at, kind in enumerate(sub.types):
                kind_row, ideas = _type(row["id"], at, kind)
                lower["document_types"].append(kind_row)
                lower["ideas"] += ideas
    for name, rows in (tables | (lower if corpus.settings.decompose.given_types else {})).items():
        write_table(corpus.folder, name, rows)
        write_table(corpus.folder, "rejects", [], part=name)


def _subdomain(corpus: Corpus, domain_id: str, place: int, sub: GivenSubdomain) -> Row:
    return {
        "id": content_id("subdomains", domain_id, sub.name), "domain_id": domain_id, "position": place,
        "name": sub.name, "summary": sub.summary, "rule_id": None, "request_id": None,
        "passage_ids": [corpus.passage_ids[address] for address in dict.fromkeys(sub.passages)],
    }  # fmt: skip


def _assertions(subdomain_id: str, sub: GivenSubdomain) -> list[Row]:
    return [
        {
            "id": content_id("assertions", subdomain_id, one.assertion), "subdomain_id": subdomain_id,
            "position": place, **one.model_dump(), "request_id": None,
        }
        for place, one in enumerate(sub.assertions)
    ]  # fmt: skip


def _type(subdomain_id: str, place: int, kind: GivenType) -> tuple[Row, list[Row]]:
    kind_id = content_id("document_types", subdomain_id, kind.name)
    row = {
        "id": kind_id, "subdomain_id": subdomain_id, "position": place, "name": kind.name,
        "description": kind.description, "frame": kind.frame, "words": kind.words, "request_id": None,
    }  # fmt: skip
    ideas: list[Row] = [
        {
            "id": content_id("ideas", kind_id, idea), "document_type_id": kind_id, "subdomain_id": subdomain_id,
            "position": number, "idea": idea, "disagreement": argued, "request_id": None,
        }
        for number, (idea, argued) in enumerate(
            [*((idea, False) for idea in kind.ideas), *((idea, True) for idea in kind.disagreement)]
        )
    ]  # fmt: skip
    return row, ideas
