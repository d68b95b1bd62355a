package mlcore

import (
	"context"
	"errors"
	"testing"

	"retrain/mlcore/nn"
	"retrain/mlcore/session"
)

func TestBucketsGrowByPowersOfTwo(t *testing.T) {
	for n, want := range map[int]int{1: 32, 32: 32, 33: 64, 64: 64, 65: 128, 10_000: 16_384, 16_384: 16_384, 16_385: 32_768} {
		if got := bucket(n); got != want {
			t.Errorf("bucket(%d): got %d, want %d", n, got, want)
		}
	}
}

// Compiling pays from a number of steps on that depends on the plan alone.
func TestWorthCompiling(t *testing.T) {
	linear := plan{network: nn.Network{Layers: []nn.Layer{dense(8, 1, "")}}}
	deep := plan{network: nn.Network{Layers: []nn.Layer{dense(8, 64, "relu"), dense(64, 32, "relu"), dense(32, 1, "")}}}
	short := plan{lookback: 7, network: nn.Network{Layers: []nn.Layer{nn.LSTM{In: 8, Units: 50, Steps: 7}, dense(50, 1, "")}}}
	long := plan{lookback: 33, network: nn.Network{Layers: []nn.Layer{nn.LSTM{In: 8, Units: 50, Steps: 33}, dense(50, 1, "")}}}
	const never = 1 << 30
	for name, test := range map[string]struct {
		plan plan
		from int // steps
	}{"linear": {linear, 19_445}, "deep": {deep, 10_186}, "short windows": {short, 22_192}, "long windows": {long, never}} {
		if test.from == never {
			if test.plan.worthCompiling(never) {
				t.Errorf("%s: is compiled", name)
			}
			continue
		}
		from := 0
		for !test.plan.worthCompiling(from) {
			from++
		}
		if from != test.from {
			t.Errorf("%s: compiled from %d steps on, want %d", name, from, test.from)
		}
	}
}

func TestProgramsAreKeptAndDropped(t *testing.T) {
	var ps programs
	defer ps.close()
	of := func(width int) *plan {
		return &plan{network: nn.Network{Layers: []nn.Layer{dense(width, 1, "")}}, loss: nn.MeanSquaredError, optimizer: nn.Optimizer{Name: "sgd"},
			batch: 8, width: width, targets: 1, rows: 32, train: 32, chunk: 32}
	}
	take := func(p *plan) (*program, func()) {
		pr, release, err := ps.take(t.Context(), p, session.Here())
		if err != nil {
			t.Fatal(err)
		}
		return pr, release
	}
	first, release := take(of(1))
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	cancel(stop)
	if _, _, err := ps.take(ctx, of(1), session.Here()); !errors.Is(err, stop) {
		t.Errorf("two fits have the same program: %v", err)
	}
	for width := range keepPrograms + 3 { // the first is at work all the while
		_, release := take(of(width + 2))
		release()
	}
	if len(ps.kept) != keepPrograms {
		t.Errorf("%d programs are kept, want %d", len(ps.kept), keepPrograms)
	}
	release()
	if again, release := take(of(1)); again != first {
		t.Error("built again while it was kept")
	} else {
		release()
	}
}

func TestACheckpointThatIsNoneIsRefused(t *testing.T) {
	p := &plan{network: nn.Network{Layers: []nn.Layer{dense(3, 1, "")}}, optimizer: nn.Optimizer{Name: "adam"}}
	s := p.begin(nn.First(p.network.Parameters(), 1))
	whole, err := s.checkpoint("this")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.restore(whole, "this"); err != nil {
		t.Error(err)
	}
	for name, b := range map[string][]byte{"empty": nil, "cut off": whole[:len(whole)-1], "longer": append(whole[:len(whole):len(whole)], 0), "a wrong length": {255, 255, 255, 255, 1}} {
		if _, err := p.restore(b, "this"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := p.restore(whole, "that"); err == nil {
		t.Error("of other data: no error")
	}
}
