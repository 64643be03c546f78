"""The engines: each file is one kind of `fusebench.engines.contract.Engine`."""
