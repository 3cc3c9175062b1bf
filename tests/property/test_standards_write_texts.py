"""Any text XML can carry survives writing: an independent parser gives back exactly what went in, in every dress."""

from __future__ import annotations

import base64
import re

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from bienho.standards.xml130.write import STYLES, VERSIONS, write_delivery
from support.xml130_samples import make_tables

XML_CHARACTER = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Everything XML 1.0 allows, with the awkward ones drawn often.
ALLOWED = st.text(
    st.one_of(
        st.sampled_from("<>&\"'\r\n\t ]![CDATA/;àĐỡ"),
        st.characters(exclude_categories=("Cs",)).filter(XML_CHARACTER.match),
    ),
    max_size=60,
)


@given(note=ALLOWED, advice=ALLOWED, style=st.sampled_from(sorted(STYLES)), version=st.sampled_from(VERSIONS))
def test_texts_come_back_exactly(note: str, advice: str, style: str, version: str) -> None:
    tables = make_tables(version, lines=1)
    tables["XML5"][0]["HOI_CHAN"] = note
    tables["XML1"][0]["CHAN_DOAN_RV"] = advice
    data = write_delivery([tables], facility="64001", created="20260103", version=version, style=STYLES[style])
    envelope = etree.fromstring(data)
    found: dict[str, str] = {}
    for content in envelope.iter("NOIDUNGFILE"):
        elements = [e for e in content if isinstance(e.tag, str)]
        root = elements[0] if elements else etree.fromstring(base64.b64decode(content.text or ""))
        found |= {e.tag.upper(): e.text or "" for e in root.iter() if not len(e)}
    assert found["HOI_CHAN"] == note
    assert found["TEN_BENH" if version == "4210" else "CHAN_DOAN_RV"] == advice
