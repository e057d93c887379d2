"""How turns are put to a model: ``template`` says what a template can do, ``marked`` has those."""
