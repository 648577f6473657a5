# A base that adds nothing: of a host that is a base by itself.
{ }
