package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"retrain"
)

func (p *program) eventsCommand() *cli.Command {
	return &cli.Command{
		Name:  "events",
		Usage: "print what happens from now on, until Ctrl-C",
		Description: `  producer events --follow
  producer events --follow --json             one JSON value a line
  producer events --count 1                   wait for one event`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "follow", Usage: "go on until Ctrl-C, which is the default"},
			&cli.IntFlag{Name: "count", Usage: "end after `N` events"},
		},
		Action: p.joined(events),
	}
}

func events(ctx context.Context, c *call) error {
	left := c.flags.Int("count")
	connected := false
	for e, err := range c.app.Stream.Events(ctx) {
		switch {
		case err != nil && !connected:
			return err
		case err != nil:
			c.sayf("%v", err)
			continue
		case e.Type == "" && !connected:
			connected = true
			c.sayf("following; Ctrl-C ends it")
			continue
		case e.Type == "":
			c.sayf("some events may be missing here")
			continue
		}
		if err := c.printEvent(e); err != nil {
			return err
		}
		if left--; left == 0 {
			return nil
		}
	}
	return nil
}

func (c *call) printEvent(e retrain.Event) error {
	if c.json() {
		return json.NewEncoder(c.Stdout).Encode(e)
	}
	line := e.At.Local().Format(time.TimeOnly) + " " + string(e.Type)
	if e.Model != "" {
		line += " " + e.Model
	}
	if e.Run != 0 {
		line += fmt.Sprintf(" run %d %s", e.Run, e.State)
	}
	if e.Version != 0 {
		line += fmt.Sprintf(" version %d", e.Version)
	}
	if e.Error != nil {
		line += ": " + e.Error.Error()
	}
	_, err := fmt.Fprintln(c.Stdout, line)
	return err
}
