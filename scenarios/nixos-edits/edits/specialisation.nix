# A specialisation.
{
  specialisation.travel.configuration.environment.etc."travelling".text = "yes\n";
}
