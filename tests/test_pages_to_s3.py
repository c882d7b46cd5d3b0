"""Pages written to an address: the report and the scrubber."""

import pytest

import annotaudit as aa

pytestmark = pytest.mark.parametrize("s3", ["moto"], indirect=True)


@pytest.fixture(scope="module")
def audited():
    labels = aa.datasets.station()
    return labels, aa.audit(labels, rules="aws")


def test_a_report_goes_to_an_address_and_over_an_older_one_only_if_meant(s3, audited):
    address = "s3://hall/audit.html"
    assert aa.write_report(*audited, address, title="one") == address
    with pytest.raises(ValueError, match="nothing is overwritten"):
        aa.write_report(*audited, address, title="two")
    assert aa.write_report(*audited, address, title="two", replace=True) == address
    assert b"<title>two" in s3.get_object(Bucket="hall", Key="audit.html")["Body"].read()


def test_the_scrubber_s_page_goes_to_an_address(s3, audited):
    pytest.importorskip("anywidget")
    scrubber = aa.FrameScrubber(*audited)
    address = "s3://hall/pages/scrubber.html"
    assert scrubber.to_html(address, frames="findings", width=320) == address
    scrubber.close()
    assert s3.head_object(Bucket="hall", Key="pages/scrubber.html")["ContentType"] == "text/html"
