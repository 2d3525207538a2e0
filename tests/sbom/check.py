"""Checks a bill of materials: valid CycloneDX, exactly the crates of cargo's tree, nothing of the machine it was made on.

Usage: check.py BOM TREE      TREE is `cargo tree --prefix none -f '{p}'` of the same build
"""

import json
import re
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main(bom, tree):
    text = Path(bom).read_text(encoding="utf-8")
    error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
    if error is not None:
        return f"no valid CycloneDX 1.5: {error}"
    document = json.loads(text)
    crates = {(c["name"], c["version"]) for c in document["components"] if c.get("purl", "").startswith("pkg:cargo/")}
    linked = set(re.findall(r"^([a-zA-Z0-9_-]+) v(\S+)", Path(tree).read_text(encoding="utf-8"), re.M))
    root = document["metadata"]["component"]
    linked.remove((root["name"], root["version"]))
    for what, names in (("is linked and missing in it", linked - crates), ("is in it and not linked", crates - linked)):
        if names:
            return "\n".join(f"{name} {version} {what}" for name, version in sorted(names))
    others = sorted(c["name"] for c in document["components"] if (c["name"], c["version"]) not in crates)
    if others != ["sqlite"]:
        return f"besides crates it names {others}"
    refs = {c["bom-ref"] for c in document["components"]} | {root["bom-ref"]}
    if refs != {entry["ref"] for entry in document["dependencies"]}:
        return "its components and its dependencies do not name the same things"
    unlicensed = [c["name"] for c in document["components"] if not c.get("licenses")]
    if unlicensed:
        return f"without a licence: {unlicensed}"
    for trace in ("file://", str(Path.home()), str(Path(__file__).resolve().parents[2])):
        if trace in text:
            return f"it names a place on this machine: {trace}"
    print(f"{len(crates)} crates, and SQLite")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
