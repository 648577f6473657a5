# A rehearsal: any other configuration of the editor.
{
  programs.nano.nanorc = "set softwrap";
}
