"""How the fits of the primary system went: a panel per fold."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cogspeech.reporting.figures import INK, MUTED, POSITIVE, Drawing, draw_page
from cogspeech.training.history import EpochRecord

Histories = Mapping[int, Sequence[Sequence[EpochRecord]]]
"""By fold, one history per seed."""
COLUMNS = 3
MOST_PANELS = 9


def draw_training(histories: Histories, primary: str) -> tuple[Drawing, ...]:
    """The losses of training and validation part over the epochs; nothing without histories."""
    shown = dict(list(histories.items())[:MOST_PANELS])
    if not shown:
        return ()
    rows = -(-len(shown) // COLUMNS)
    left_out = len(histories) - len(shown)
    return (
        draw_page(
            "training",
            "How training went",
            f"{primary}, first repeat: a panel per fold, two lines per seed. Dark: loss on the "
            "validation part, which decides when to stop; the dot is the epoch whose weights were "
            "kept. Light: loss on the training part."
            + (f" {left_out} more folds are not shown." if left_out else ""),
            lambda figure: _panels(figure, shown, rows),
            height_in=0.7 + 1.25 * rows,
        ),
    )


def _panels(figure: Figure, histories: Histories, rows: int) -> None:
    columns = min(COLUMNS, len(histories))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    panels: list[Axes] = list(grid.flat)
    for axes, (fold, fits) in zip(panels, histories.items(), strict=False):
        for history in fits:
            _one_fit(axes, history)
        axes.set_title(f"fold {fold + 1}", fontsize=9, loc="left", pad=2)
    for axes in panels[len(histories) :]:
        axes.set_visible(False)
    figure.supxlabel("epoch", fontsize=9)
    figure.supylabel("loss", fontsize=9)


def _one_fit(axes: Axes, history: Sequence[EpochRecord]) -> None:
    epochs = np.arange(1, len(history) + 1)
    axes.plot(epochs, [r.training_loss for r in history], color=MUTED, linewidth=0.9, alpha=0.7)
    validation = [record.validation_loss for record in history]
    axes.plot(epochs, validation, color=INK, linewidth=1.3)
    kept = [record.is_best for record in history]
    best = max(index for index, is_best in enumerate(kept) if is_best)
    axes.plot([best + 1], [validation[best]], marker="o", markersize=4, color=POSITIVE)
