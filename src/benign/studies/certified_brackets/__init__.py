"""Beyond the paper: upper bounds on the robust error of the flagship's networks, beside the attacks' lower bounds."""
