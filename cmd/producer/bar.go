package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// A bar shows progress on a terminal, and nothing elsewhere.
type bar struct{ shown *progressbar.ProgressBar }

func (c *call) bar(total int, what string) *bar {
	if !c.animated() {
		return &bar{}
	}
	return &bar{progressbar.NewOptions(total,
		progressbar.OptionSetWriter(c.Stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionShowElapsedTimeOnFinish(),
		progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())}
}

// The bar's errors are those of writing to stderr: there is nobody to tell.

func (b *bar) add(n int) {
	if b.shown != nil {
		_ = b.shown.Add(n)
	}
}

func (b *bar) set(n int, what string) {
	if b.shown != nil {
		b.shown.Describe(what)
		_ = b.shown.Set(n)
	}
}

func (b *bar) end() {
	if b.shown != nil {
		_ = b.shown.Clear()
	}
}
