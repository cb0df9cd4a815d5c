"""UHF readers that speak UHFReader18 frames: a length, no start marker, CRC16."""
