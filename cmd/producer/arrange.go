package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"retrain/internal/app"
)

// arrange puts arguments into the order that the library reads: the program's flags, the command, its flags, its names.
// People may write flags anywhere. What is not known is a usage error that names what was probably meant.
func arrange(tree *cli.App, args []string) ([]string, error) {
	a := arrangement{tree: tree, global: []string{args[0]}}
	for i := 1; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--":
			a.names = append(a.names, args[i+1:]...)
			i = len(args)
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			if err := a.name(arg); err != nil {
				return nil, err
			}
		default:
			used, err := a.flag(arg, args[i+1:])
			if err != nil {
				return nil, err
			}
			i += used
		}
	}
	return a.args(), nil
}

type arrangement struct {
	tree    *cli.App
	command *cli.Command
	word    string   // the command as it was typed
	global  []string // the program's name and its flags
	flags   []string // the command's
	names   []string
}

func (a *arrangement) args() []string {
	args := a.global
	if a.command != nil {
		args = append(args, a.word)
	}
	args = append(args, a.flags...)
	if slices.ContainsFunc(a.flags, isHelp) { // of the command, whatever it is to be done with
		return args
	}
	if slices.ContainsFunc(a.names, func(s string) bool { return len(s) > 1 && s[0] == '-' }) {
		args = append(args, "--")
	}
	return append(args, a.names...)
}

// name takes an argument that is no flag: first the command, then its names.
func (a *arrangement) name(arg string) error {
	if a.command != nil || a.word != "" {
		a.names = append(a.names, arg)
		return nil
	}
	if arg == "help" && !slices.Contains(a.flags, "--help") { // help train is train --help
		a.flags = append(a.flags, "--help")
		return nil
	}
	a.word = arg
	if a.command = a.tree.Command(arg); a.command != nil {
		return nil
	}
	var known []string
	for _, c := range a.tree.Commands {
		known = append(known, c.Names()...)
	}
	return usage("no command %q", arg).suggest("", arg, known, "producer --help shows all commands")
}

// flag takes a flag, and its value from the arguments after it where it needs one. It returns how many of those it used.
func (a *arrangement) flag(arg string, after []string) (used int, err error) {
	name, _, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	if isHelp(arg) || a.command == nil && slices.Contains([]string{"version", "v"}, name) {
		a.flags = append(a.flags, arg)
		return 0, nil
	}
	to := &a.flags
	var f cli.Flag
	if a.command != nil {
		f = find(a.command.Flags, name)
	}
	if f == nil {
		f, to = find(a.tree.Flags, name), &a.global
	}
	if f == nil {
		return 0, a.unknown(arg, name)
	}
	if _, toggles := f.(*cli.BoolFlag); !toggles && !hasValue {
		if len(after) == 0 {
			return 0, usage("flag --%s needs a value", name)
		}
		arg, used = arg+"="+after[0], 1
	}
	*to = append(*to, arg)
	return used, nil
}

func isHelp(flag string) bool { return slices.Contains([]string{"--help", "-help", "--h", "-h"}, flag) }

func (a *arrangement) unknown(arg, name string) error {
	flags, of, help := a.tree.Flags, "producer", "producer --help"
	if a.command != nil {
		flags, of, help = append(slices.Clone(a.command.Flags), flags...), a.command.Name, "producer "+a.command.Name+" --help"
	}
	var known []string
	for _, f := range flags {
		known = append(known, f.Names()...)
	}
	return usage("%s has no flag %s", of, arg).suggest("--", name, known, help+" shows all flags")
}

func find(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// suggest adds the nearest known word as a hint, or else where to read.
func (u *usageError) suggest(prefix, given string, known []string, otherwise string) *usageError {
	u.hint = otherwise
	if near := app.Nearest(given, known); near != "" {
		u.hint = "did you mean " + prefix + near + "?"
	}
	return u
}
