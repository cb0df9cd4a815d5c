"""UHF readers that speak LLRP (Impinj, Zebra, Alien and others), by the codec of llrpkit."""
