package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"retrain"
	"retrain/internal/app"
)

func (p *program) doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "look whether everything that is needed is there, and fit",
		Description: `  producer doctor
  producer doctor --json`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "worker", Usage: "the worker's `PROGRAM`, which is asked about TensorFlow; beside this one by default", EnvVars: []string{"RETRAIN_WORKER"}},
		},
		Action: p.joined(doctor),
	}
}

// How long one of doctor's questions may take.
const doctorPatience = 20 * time.Second

func doctor(ctx context.Context, c *call) error {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	findings := append(c.app.Check(ctx), c.tensorflow(ctx)...)
	sound := true
	for _, f := range findings {
		sound = sound && f.OK
	}
	answer := struct {
		OK     bool          `json:"ok"`
		Checks []app.Finding `json:"checks"`
	}{sound, findings}
	err := c.answer(answer, func(w io.Writer) { c.findingTable(w, findings) })
	if err == nil && !sound {
		return errSaid
	}
	return err
}

func (c *call) findingTable(w io.Writer, findings []app.Finding) {
	t := listing(w)
	for _, f := range findings {
		mark := c.colour("ok", text.FgGreen)
		if !f.OK {
			mark = c.colour("FAIL", text.FgRed)
		} else if f.Warning {
			mark = c.colour("warn", text.FgYellow)
		}
		t.AppendRow([]any{mark, f.Name, f.Detail})
	}
	t.Render()
	for _, f := range findings {
		if (!f.OK || f.Warning) && f.Hint != "" {
			fmt.Fprintf(w, "hint: %s: %s\n", f.Name, f.Hint)
		}
	}
}

// tensorflow asks the worker what it finds. This program does not link TensorFlow, and a worker without it does not start.
func (c *call) tensorflow(ctx context.Context) []app.Finding {
	program, err := c.worker()
	if err != nil {
		return []app.Finding{{Name: "libtensorflow", Detail: err.Error(), Hint: "make build"}}
	}
	ask := exec.CommandContext(ctx, program, "doctor", "--json")
	var out, talk strings.Builder
	ask.Stdout, ask.Stderr = &out, &talk
	err = ask.Run()
	var answer struct {
		Checks []app.Finding `json:"checks"`
	}
	if json.Unmarshal([]byte(out.String()), &answer) == nil && len(answer.Checks) > 0 {
		return answer.Checks
	}
	if err == nil {
		err = errors.New("it does not say")
	}
	why := strings.TrimSpace(talk.String())
	if why == "" {
		why = err.Error()
	}
	return []app.Finding{{Name: "libtensorflow", Detail: string(retrain.TensorFlowDependencyError) + ": " + program + ": " + why, Hint: "make libtensorflow"}}
}

// worker returns the program that has TensorFlow: the one that was named, or beside this one, or in PATH.
func (c *call) worker() (string, error) {
	if named := c.flags.String("worker"); named != "" {
		return named, nil
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "worker")
		if info, err := os.Stat(beside); err == nil && !info.IsDir() {
			return beside, nil
		}
	}
	if found, err := exec.LookPath("worker"); err == nil {
		return found, nil
	}
	return "", errors.New("the program worker is neither beside this one nor in PATH: it knows about TensorFlow")
}
