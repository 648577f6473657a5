# Another specialisation, to rehearse.
{
  specialisation.home.configuration.environment.etc."home".text = "yes\n";
}
