"""What is rebuilt: how a configuration is installed, evaluated, built, made a profile, switched."""
