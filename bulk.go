package retrain

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Bulk is a prediction of more records than one question has: chunk by chunk through the queue, all by one version. The chunks'
// answers lie in S3 until all are there, so that whoever asks again, after whatever died, goes on where it was.
type Bulk struct {
	Format  int       `json:"format"` // 1
	ID      string    `json:"id"`     // new for each bulk: its chunks are nobody else's
	Model   string    `json:"model"`
	Version int       `json:"version"`           // that answers all of it
	Records int       `json:"records"`           // how many there are
	Rows    int       `json:"rows"`              // of each chunk but the last
	Dataset *Dataset  `json:"dataset,omitempty"` // the records, where they are those of a resource
	At      time.Time `json:"at"`                // when it was begun
}

// Chunks returns how many chunks there are.
func (b *Bulk) Chunks() int { return (b.Records + b.Rows - 1) / b.Rows }

// Chunk returns one of them, from 0.
func (b *Bulk) Chunk(number int) Chunk { return Chunk{b.Model, b.Version, b.ID, number} }

// A Chunk names some records of a bulk, and who is to answer them.
type Chunk struct {
	Model   string `json:"model"`
	Version int    `json:"version"`
	Bulk    string `json:"bulk"`
	Number  int    `json:"chunk"`
}

// String names the chunk for people and tasks.
func (c Chunk) String() string { return fmt.Sprintf("%s.%d", c.Bulk, c.Number) }

// An Answered is what came of one record of a bulk: a prediction or an error.
type Answered struct {
	Row     int    `json:"row"`          // of the input, from 1
	ID      string `json:"id,omitempty"` // of the record
	Version int    `json:"version"`
	*Prediction
	Error *Error `json:"error,omitempty"`
}

// A ChunkStore is what answers chunks needs of the bulks in S3.
type ChunkStore interface {
	// Questions returns a chunk's records, or a NotFoundError where nobody wants it answered any more.
	Questions(ctx context.Context, c Chunk) ([]Record, error)
	// Answers returns what was answered, or a NotFoundError.
	Answers(ctx context.Context, c Chunk) ([]Answered, error)
	// PutAnswers stores answers, unless there are some.
	PutAnswers(ctx context.Context, c Chunk, answers []Answered) error
}

// Chunks answers chunks of bulks, in a prediction worker.
type Chunks struct {
	Store ChunkStore
	Ask   func(ctx context.Context, model string, which Which, records []Record) ([]Prediction, int, error) // Live.Ask
}

// Do answers a chunk, unless that was done. A record that cannot be answered is answered with its error; what is not a record's
// fault is returned: it may be tried again.
func (c *Chunks) Do(ctx context.Context, chunk Chunk, rows int) error {
	if _, err := c.Store.Answers(ctx, chunk); !errors.Is(err, NotFoundError) {
		return err
	}
	records, err := c.Store.Questions(ctx, chunk)
	if errors.Is(err, NotFoundError) {
		return nil
	} else if err != nil {
		return err
	}
	answers := make([]Answered, len(records))
	for i, r := range records {
		answers[i] = Answered{Row: chunk.Number*rows + i + 1, ID: r.ID(), Version: chunk.Version}
	}
	if err := c.answer(ctx, chunk, records, answers); err != nil {
		return err
	}
	return c.Store.PutAnswers(ctx, chunk, answers)
}

// answer fills in the answers. Where some record is at fault, halves find out which one: no other suffers for it.
func (c *Chunks) answer(ctx context.Context, chunk Chunk, records []Record, answers []Answered) error {
	predictions, _, err := c.Ask(ctx, chunk.Model, Which{Version: chunk.Version}, records)
	switch fault, isError := errors.AsType[*Error](err); {
	case err == nil && len(predictions) != len(records):
		return Errorf(PredictionError, "%d answers to %d records", len(predictions), len(records))
	case err == nil:
		for i := range predictions {
			answers[i].Prediction = &predictions[i]
		}
		return nil
	case !isError || fault.Code != DataValidationError:
		return err
	case len(records) == 1:
		answers[0].Error = fault
		return nil
	}
	half := len(records) / 2
	if err := c.answer(ctx, chunk, records[:half], answers[:half]); err != nil {
		return err
	}
	return c.answer(ctx, chunk, records[half:], answers[half:])
}
