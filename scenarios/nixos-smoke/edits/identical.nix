# Nothing.
{ }
