# busybox's own, under its name: the fetcher of fetchzip.
{ runCommand, busybox }:
runCommand "wget-${busybox.version}" { inherit busybox; } ''
  mkdir -p $out/bin
  ln -s $busybox/bin/busybox $out/bin/wget
''
