# Stands for the source of a flake.
{
  outputs = _: { };
}
