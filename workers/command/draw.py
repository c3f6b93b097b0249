"""`tuoke draw`: a workflow's state machine as a picture."""

from __future__ import annotations

import click


@click.command()
@click.argument("workflow")
@click.option("--format", "form", type=click.Choice(["svg", "mermaid"]), default="svg", show_default=True)
@click.option(
    "--lang",
    type=click.Choice(["zh", "en"]),
    default="zh",
    show_default=True,
    help="The language of the labels.",
)
def draw(workflow: str, form: str, lang: str) -> None:
    """Draw the state machine of WORKFLOW, from the machine itself, onto standard output."""
    from workers.command import UserMistake
    from workflows.drawing import mermaid, svg
    from workflows.flows import FLOWS

    if workflow not in FLOWS:
        raise UserMistake(f"there is no workflow {workflow}; there are {', '.join(FLOWS)}")
    flow = FLOWS[workflow]
    click.echo(
        mermaid(flow, lang) if form == "mermaid" else svg(flow, locale=lang, standalone=True), nl=False
    )
