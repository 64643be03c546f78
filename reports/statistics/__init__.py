"""Statistics of the report: confidence intervals, p-values, power, and their calibration."""
