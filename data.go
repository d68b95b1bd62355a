package retrain

import (
	"context"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
)

// A Dataset names exactly the records of a training.
type Dataset struct {
	Resource  string        `json:"resource"`
	From      *Resource     `json:"from,omitempty"` // as it was declared, where the records are not ours but read from another source
	Partition *PartitionRef `json:"partition,omitempty"`
	Objects   []DataObject  `json:"objects"`

	// Of our own records, which are compacted as they grow old:
	Absorbed   int `json:"absorbed,omitempty"`   // the batches of so many absorptions are in it, beside those that the objects name
	Generation int `json:"generation,omitempty"` // of the index that it was made from
}

// A DataObject is one object that records are read from.
type DataObject struct {
	Key     string   `json:"key"`
	ETag    string   `json:"etag,omitempty"`
	Batch   string   `json:"batch,omitempty"`   // the batch it holds, by which its rows were counted; without one, the others are read with its help
	Batches []string `json:"batches,omitempty"` // or several: those of the batches in it that are read
	Size    int64    `json:"size,omitempty"`    // in bytes, of a segment
	Foot    int64    `json:"foot,omitempty"`    // of them at its end, what says where the rest is
	Brief   int64    `json:"brief,omitempty"`   // before that end, the same in brief
	Without string   `json:"without,omitempty"` // the object that says which of a segment's rows no longer hold
}

// A Source reads the records of a resource.
type Source interface {
	// Snapshot names the records of a resource, or of one partition of it, as they are now.
	Snapshot(ctx context.Context, r Resource, p *PartitionRef) (Dataset, error)
	// Tables yields a snapshot's records in blocks, each record once in its latest state, in the order of their insertion.
	Tables(ctx context.Context, d Dataset) iter.Seq2[*Table, error]
}

// An Archive is a Source that puts old batches together. Absorptions, which are numbered from 1 on, are those of one resource; a
// batch is in one of them at most.
type Archive interface {
	// Absorbed returns the ids of the batches of an absorption, in the order of their insertion.
	Absorbed(ctx context.Context, resource string, n int) ([]string, error)
	// Brought yields the records that each of those batches brought. They are exactly those that were inserted, as long as these
	// are kept; later those are left out that another batch has replaced or deleted since, and batches of which nothing is left.
	Brought(ctx context.Context, resource string, n int) iter.Seq2[Brought, error]
	// Came yields the records that each of a data set's batches brought that are in no absorption, and reads each object once.
	// Batches of deletions bring none.
	Came(ctx context.Context, d Dataset) iter.Seq2[Brought, error]
}

// Brought is some of the records that a batch brought.
type Brought struct {
	Batch string
	Table *Table
}

// Absorption returns the id under which the batches of an absorption are counted together. No batch has such an id: the first
// byte is 0.
func Absorption(resource string, n int) string { return fmt.Sprintf("\x00%s#%d", resource, n) }

// absorption returns the number of an id that Absorption made, and 0 for any other.
func absorption(resource, batch string) int {
	rest, ok := strings.CutPrefix(batch, "\x00"+resource+"#")
	n, err := strconv.Atoi(rest)
	if !ok || err != nil {
		return 0
	}
	return n
}

// Batches returns the ids of the batches that the data set holds. Those that were absorbed together have one, which Absorption
// makes.
func (d *Dataset) Batches() []string {
	var ids []string
	for n := range d.Absorbed {
		ids = append(ids, Absorption(d.Resource, n+1))
	}
	for _, o := range d.Objects {
		if o.Batch != "" {
			ids = append(ids, o.Batch)
		}
		ids = append(ids, o.Batches...)
	}
	return ids
}

// Of a model's newest runs so many are looked at for one that is not finished: one is at work, and one waits.
const newestRuns = 4

// OldestRead returns the oldest generation of a resource that an unfinished run of one of the models reads; math.MaxInt for none.
func OldestRead(ctx context.Context, runs RunHistory, models []*Model, resource string) (int, error) {
	oldest := math.MaxInt
	for _, m := range models {
		looked := 0
		for run, err := range runs.Runs(ctx, m.Name) {
			if err != nil {
				return 0, err
			}
			if run.Start != nil && run.Result == nil && run.Start.Dataset.Resource == resource {
				oldest = min(oldest, run.Start.Dataset.Generation)
			}
			if looked++; looked == newestRuns {
				break
			}
		}
	}
	return oldest, nil
}
