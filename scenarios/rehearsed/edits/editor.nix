# The configuration of an editor: its wrapper is made again.
{
  programs.nano.nanorc = "set tabsize 2";
}
