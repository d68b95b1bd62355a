package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
)

// What shells type to be told how a line may go on: producer [flags] __complete WORD… with the word under the cursor last.
const completeWord = "__complete"

// The scripts ask the producer that was typed, by whatever name or alias. Where it knows nothing, shells offer files.
var completionScripts = map[string]string{
	"bash": `_producer() {
  local words=("${COMP_WORDS[@]:1:COMP_CWORD}")
  [ ${#words[@]} -eq 0 ] && words=("")
  local IFS=$'\n'
  COMPREPLY=($(compgen -W "$(eval "${COMP_WORDS[0]} __complete $(printf '%q ' "${words[@]}")" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _producer producer
`,
	"zsh": `#compdef producer
_producer() {
  local -a typed found
  typed=("${(@Q)words[2,CURRENT]}")
  typed=("${(@q)typed}")
  found=("${(@f)$(eval "${words[1]} __complete ${typed[*]}" 2>/dev/null)}")
  if [[ -n "${found[*]}" ]]; then compadd -a found; else _files; fi
}
compdef _producer producer
if [[ "${funcstack[1]}" == _producer ]]; then _producer; fi # a file of fpath is read when it is first asked
`,
	"fish": `function __producer_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (eval (string escape -- $words[1]) __complete (string escape -- $words[2..-1]) 2>/dev/null)
  set -q found[1]; and printf '%s\n' $found; or __fish_complete_path (commandline -ct)
end
complete -c producer -f -a '(__producer_complete)'
`,
}

func (p *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print what makes a shell complete commands, flags and names",
		ArgsUsage: "bash|zsh|fish",
		Description: `  source <(producer completion bash)          now; in ~/.bashrc, always
  producer completion zsh > ~/.zfunc/_producer
  producer completion fish > ~/.config/fish/completions/producer.fish

Names of models and resources are those of the system that the line, the environment or ./retrain.yaml names; where it does not
answer at once there are none.`,
		Action: func(flags *cli.Context) error {
			if p.parsed != nil {
				p.parsed()
			}
			if err := named(flags, "bash|zsh|fish"); err != nil {
				return err
			}
			shell := flags.Args().First()
			script, ok := completionScripts[shell]
			if !ok {
				return usage("no completion for %q", shell).suggest("", shell, []string{"bash", "zsh", "fish"}, "bash, zsh or fish")
			}
			c := &call{program: p, flags: flags}
			return c.answer(map[string]string{"shell": shell, "script": script}, func(w io.Writer) { fmt.Fprint(w, script) })
		},
	}
}
