package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"

	"retrain"
)

// A view is a screen of a terminal that is drawn again and again. It lies beside what was typed before, which is there again
// when the view is closed.
type view struct {
	*call
	last *scene // nil before the first
}

// What terminals understand.
const (
	otherScreen = "\x1b[?1049h\x1b[?25l" // beside what was typed, without a cursor
	firstScreen = "\x1b[?25h\x1b[?1049l"
	toTheTop    = "\x1b[H"
	lineEnd     = "\x1b[K\r\n" // nothing of an older line stays
	nothingMore = "\x1b[J"
)

func newView(c *call) *view {
	v := &view{call: c}
	_, _ = io.WriteString(c.Stdout, otherScreen) // what cannot be written is found when it is drawn
	return v
}

// close gives the terminal back, with the last status on it.
func (v *view) close() {
	_, _ = io.WriteString(v.Stdout, firstScreen)
	if v.last != nil {
		v.statusTable(v.Stdout, v.last.models)
	}
}

// draw draws the last scene.
func (v *view) draw() error {
	now, err := v.printed(func(c *call) error {
		c.drawScene(v.last)
		return nil
	})
	if err != nil {
		return err
	}
	var screen strings.Builder
	screen.WriteString(toTheTop)
	for _, line := range v.fitting(strings.Split(strings.TrimSuffix(string(now), "\n"), "\n")) {
		screen.WriteString(line + lineEnd)
	}
	_, err = io.WriteString(v.Stdout, screen.String()+nothingMore)
	return err
}

// fitting returns the lines that have room on the terminal.
func (v *view) fitting(lines []string) []string {
	columns, most := 0, 0
	if v.Size != nil {
		columns, most = v.Size()
	}
	if more := len(lines) - (most - 2); most > 2 && more > 0 {
		lines = append(lines[:most-2], fmt.Sprintf("… %d lines more", more))
	}
	if columns > 0 {
		for i, line := range lines {
			lines[i] = text.Trim(line, columns) // which counts no colours
		}
	}
	return lines
}

// drawScene prints all that goes on.
func (c *call) drawScene(s *scene) {
	w := c.Stdout
	fmt.Fprintf(w, "%s   %s   Ctrl-C ends\n", s.at.Format(time.TimeOnly), s.summary())
	if s.trouble != nil {
		fmt.Fprintln(w, c.colour(s.trouble.Error(), text.FgRed))
	}
	fmt.Fprintln(w)
	if len(s.models) == 0 {
		fmt.Fprintln(w, "no models yet: producer apply -f retrain.yaml")
	} else {
		c.statusTable(w, s.models)
	}
	c.drawRuns(w, s)
	if waiting := s.waiting(); waiting != "" {
		fmt.Fprintf(w, "\nqueues    %s\n", waiting)
	}
	for i, server := range s.servers {
		label := "workers"
		if i > 0 {
			label = ""
		}
		at := fmt.Sprintf("%d of %d at work", server.Busy, server.AtOnce)
		if server.Busy > 0 {
			at = c.colour(at, text.FgCyan)
		}
		fmt.Fprintf(w, "%-8s  %s %d   %s   %s   since %s\n", label, server.Host, server.PID, at, served(server.Queues), server.Started.Local().Format(time.DateTime))
	}
}

// Queues of trainings: for any device, cpu and gpu, each in three priorities.
const trainQueues = 9

// served says what a worker does, in short where it trains everything.
func served(queues []string) string {
	rest := slices.DeleteFunc(slices.Clone(queues), func(q string) bool { return strings.HasPrefix(q, "train-") })
	if len(queues)-len(rest) < trainQueues {
		rest = queues
	} else {
		rest = append(rest, "trains all")
	}
	return strings.Join(rest, " ")
}

// summary counts models by what they do, and workers.
func (s *scene) summary() string {
	states := make(map[retrain.ModelState]int)
	for _, m := range s.models {
		states[m.State]++
	}
	words := []string{counted(len(s.models), "model")}
	for _, state := range []retrain.ModelState{retrain.ModelRunning, retrain.ModelQueued, retrain.ModelFailed, retrain.ModelPaused} {
		if states[state] > 0 {
			words = append(words, fmt.Sprintf("%d %s", states[state], state))
		}
	}
	if len(s.servers) == 0 {
		return strings.Join(append(words, "no worker"), ", ")
	}
	return strings.Join(append(words, counted(len(s.servers), "worker")), ", ")
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// waiting tells what is in the queues.
func (s *scene) waiting() string {
	var words []string
	for _, d := range s.depths {
		if wait := d.Pending + d.Scheduled + d.Retry; wait > 0 {
			words = append(words, fmt.Sprintf("%s %d waiting", d.Queue, wait))
		}
		if d.Leased > 0 {
			words = append(words, fmt.Sprintf("%s %d at work", d.Queue, d.Leased))
		}
	}
	return strings.Join(words, ", ")
}

// drawRuns prints how far each run has come, and how its loss falls.
func (c *call) drawRuns(w io.Writer, s *scene) {
	first := true
	for _, p := range s.runs {
		if p.Run == "" || p.TotalEpochs == 0 {
			continue
		}
		if first {
			fmt.Fprintln(w)
			first = false
		}
		fmt.Fprintf(w, "%s  %s %3.0f%%  epoch %d/%d%s%s%s\n", p.Run, c.colour(track(p.CurrentEpoch, p.TotalEpochs), text.FgCyan), p.ProgressPercentage,
			p.CurrentEpoch, p.TotalEpochs, lossWord("loss", p.TrainMetrics), lossWord("validation", p.EvalMetrics), remaining(&p))
		if p.Curve != nil && len(p.Curve.Losses) > 1 {
			fmt.Fprintf(w, "%s  %s\n", strings.Repeat(" ", utf8.RuneCountInString(p.Run)), sparkline(p.Curve.Losses, trackWidth))
		}
	}
}

func lossWord(what string, metrics map[string]float64) string {
	if v, ok := metrics["loss"]; ok {
		return fmt.Sprintf("   %s %.4g", what, v)
	}
	return ""
}

func remaining(p *retrain.Progress) string {
	if p.EstimatedRemainingSeconds < 1 {
		return ""
	}
	return fmt.Sprintf("   %s left", time.Duration(p.EstimatedRemainingSeconds*float64(time.Second)).Round(time.Second))
}

const trackWidth = 40

// track draws how much of a way is gone.
func track(gone, all int) string {
	n := min(max(gone*trackWidth/max(all, 1), 0), trackWidth)
	return strings.Repeat("█", n) + strings.Repeat("░", trackWidth-n)
}

var heights = []rune("▁▂▃▄▅▆▇█")

// sparkline draws values as a line of at most so many characters, the lowest on the ground. Of more values than characters it
// has every so-many-th, and always the last.
func sparkline(values []float64, width int) string {
	if len(values) > width {
		some := make([]float64, width)
		for i := range some {
			some[i] = values[(i+1)*len(values)/width-1]
		}
		values = some
	}
	if slices.Min(values) > 0 { // losses fall by factors
		values = slices.Clone(values)
		for i, v := range values {
			values[i] = math.Log(v)
		}
	}
	low, high := slices.Min(values), slices.Max(values)
	line := make([]rune, len(values))
	for i, v := range values {
		at := 0
		if high > low {
			at = int((v - low) / (high - low) * float64(len(heights)-1))
		}
		line[i] = heights[min(max(at, 0), len(heights)-1)]
	}
	return string(line)
}
