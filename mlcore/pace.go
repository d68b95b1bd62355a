package mlcore

import "time"

// A slice of training takes about this long: long enough that the call costs nothing, short enough for whoever cancels.
const sliceTime = 250 * time.Millisecond

// A pace knows how long steps take, and so how many make a slice. How training is sliced changes nothing in its result.
type pace struct {
	perStep time.Duration // of the last slice; 0 before it
	sliced  int           // a fixed number of steps, for tests
}

// steps returns how many steps the next slice should have. The first one is short: nobody knows yet what a step costs.
func (p *pace) steps() int {
	switch {
	case p.sliced > 0:
		return p.sliced
	case p.perStep == 0:
		return 256
	}
	return max(1, int(sliceTime/p.perStep))
}

func (p *pace) took(steps int, d time.Duration) {
	p.perStep = max(1, d/time.Duration(steps))
}
