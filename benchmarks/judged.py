"""What the untrained base says of every test review, and the reviews that Home and the Playground open with.

    python -m benchmarks.judged          writes benchmarks/results/judged.json; a minute on 2 quiet cores

The base is asked as a page asks it. The rule that chooses, and what is stored, stand in `peft_core/report/judged.py`;
the checkpoints' answers are those of their records.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.processes import command_line, one_process_settings, provenance
from peft_core.checkpoints.listing import list_checkpoints
from peft_core.report.costs.measured import write_report
from peft_core.report.judged import JUDGED, Judged, JudgedReview, choose, first_of_each_method

BASE = "tiny-t5"
AT_A_TIME = 500  # reviews; a predictor takes no more than 1,000


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask, choose, print a line each, write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judged", description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path, default=JUDGED, help="where the results go")
    options = parser.parse_args(arguments)
    os.environ |= one_process_settings(options.threads)
    from peft_core.checkpoints.asking.predictor import Predictor
    from peft_core.checkpoints.stored_answers import decimals, stored_test
    from peft_core.reviews.splits import data_fingerprint, load_splits
    from peft_core.t5.backbone import load_backbone
    from peft_core.t5.identity import fingerprint

    splits, backbone = load_splits(), load_backbone(BASE)
    texts, truth = splits["test"]["text"][:], splits["test"]["label"][:]
    predictor = Predictor(backbone)
    answers = [
        answer.probability_positive
        for start in range(0, len(texts), AT_A_TIME)
        for answer in predictor.classify(texts[start : start + AT_A_TIME])
    ]
    untrained = decimals(answers)
    shipped = first_of_each_method(info for info in list_checkpoints() if info.shipped and info.base == BASE)
    methods = {name: stored_test(info.record, splits)[0] for name, info in shipped.items()}
    rows = choose(texts, truth, untrained, methods)
    source = provenance(command_line(parser, options), options.threads)
    report = Judged(
        provenance=source.model_copy(update={"precision": "float32"}),
        base=BASE,
        base_fingerprint=fingerprint(backbone.model),
        max_length=predictor.model(None)[1],
        data_fingerprint=data_fingerprint(texts, truth),
        untrained=untrained,
        reviews=tuple(JudgedReview(row=row, text=texts[row], truth=truth[row]) for row in rows),
    )
    for review in report.reviews:
        said = ", ".join(f"{name} {found[review.row]:.2f}" for name, found in methods.items())
        print(f"{review.row:5} {('−', '+')[review.truth]} base {untrained[review.row]:.2f}, {said}: {review.text}")
    write_report(report, options.json)


if __name__ == "__main__":
    main()
