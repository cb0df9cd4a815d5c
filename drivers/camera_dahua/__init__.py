"""Plate cameras that tell what they recognised on a Dahua event stream (`driver.DahuaCamera`)."""
