package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"retrain"
	"retrain/s3io"
)

func (p *program) predictCommand() *cli.Command {
	return &cli.Command{
		Name:      "predict",
		Usage:     "ask a model's champion",
		ArgsUsage: "MODEL [--features JSON | -f FILE | --resource NAME] [-o FILE]",
		Description: `  producer predict price --features '{"cost": 100, "demand": 5}'
  producer predict price -f new.csv           one answer per record
  cat new.jsonl | producer predict price -f - --json
  producer predict sales -f last.csv          a time series: the latest records, one answer
  producer predict price -f new.csv --version 3   by another version than the champion
  producer predict price -f big.parquet -o answers.jsonl
  producer predict price --resource products -o s3://bucket/answers.parquet

  With -o any number of records is answered, chunk by chunk through the queue, all by the version that is the champion when it
  begins. Typed again after an interruption it goes on where it was. A line has the row it answers, from 1, and a prediction or an
  error.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "features", Usage: "`JSON` of one record, or a list of them"},
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "records of `FILE`, csv or jsonl, - for stdin"},
			&cli.StringFlag{Name: "format", Usage: "`FORMAT` of the file: csv, jsonl, json or parquet; by default the name tells"},
			&cli.IntFlag{Name: "version", Usage: "by version `N`; by default the champion"},
			&cli.StringFlag{Name: "label", Usage: "by the version with this `LABEL`: champion, previous, or one that the model declares"},
			&cli.StringFlag{Name: "resource", Usage: "records of the resource `NAME`"},
			&cli.StringFlag{Name: "partition", Usage: "only those of the partition `NAME` of the resource"},
			&cli.StringFlag{Name: "values", Usage: "the partition's `k=v,…`"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write answers to `FILE`, to s3://bucket/key, or for - to stdout"},
			&cli.StringFlag{Name: "output-format", Usage: "`FORMAT` of the answers: jsonl or parquet; by default the name tells"},
			&cli.BoolFlag{Name: "restart", Usage: "begin anew where the same was asked and interrupted"},
			&cli.IntFlag{Name: "chunk", Value: chunkRows, Usage: "records of a chunk"},
			&cli.StringFlag{Name: "url", Usage: "ask the prediction worker at `URL` by HTTP, instead of through the queue"},
			&cli.BoolFlag{Name: "queue", Usage: "ask through the queue even where the configuration has a predictUrl"},
		},
		Action: p.joined(predict, "MODEL"),
	}
}

// An answered is one record's answer.
type answered struct {
	Model   string `json:"model"`
	Version int    `json:"version"`
	retrain.Prediction
}

// An asker answers records with a model's champion, whose version it returns.
type asker interface {
	Predict(ctx context.Context, model string, which retrain.Which, records []retrain.Record) ([]retrain.Prediction, int, error)
}

func predict(ctx context.Context, c *call) error {
	model := c.name(0)
	which, err := c.which()
	if err != nil {
		return err
	}
	if c.flags.String("output") != "" || c.flags.String("resource") != "" {
		return c.bulk(ctx, which)
	}
	questions, single, err := c.questions()
	if err != nil {
		return err
	}
	m, err := c.app.Catalog.Model(ctx, model)
	if err != nil {
		return err
	}
	answers, err := c.ask(ctx, m, which, questions)
	if err != nil {
		return err
	}
	if single && len(answers) == 1 {
		return c.answer(answers[0], func(w io.Writer) { printAnswers(w, answers) })
	}
	return c.answer(answers, func(w io.Writer) { printAnswers(w, answers) })
}

// which returns the version that --version or --label mean.
func (c *call) which() (retrain.Which, error) {
	w := retrain.Which{Version: c.flags.Int("version"), Label: c.flags.String("label")}
	switch {
	case w.Version < 0 || w.Version == 0 && c.flags.IsSet("version"):
		return w, usage("--version %d: versions begin with 1", w.Version)
	case w.Version != 0 && w.Label != "":
		return w, usage("--version and --label exclude each other")
	}
	return w, nil
}

// questions returns the records to ask for; single where one was given by itself, and so one answer is expected.
func (c *call) questions() (records []retrain.Record, single bool, err error) {
	features, file := c.flags.String("features"), c.flags.String("file")
	switch {
	case (features == "") == (file == ""):
		return nil, false, usage("predict needs either --features or -f").hinted(`producer predict MODEL --features '{"cost": 100}'`)
	case file != "":
		records, err = c.questionsOf(file)
		return records, false, err
	}
	for r, e := range s3io.ReadJSONL(strings.NewReader(strings.ReplaceAll(features, "\n", " "))) { // which no JSON text needs
		if e != nil {
			return nil, false, retrain.Errorf(retrain.CodeOf(e), "--features: %w", e).WithHint(`quote it for the shell: --features '{"cost": 100}'`)
		}
		records = append(records, r)
	}
	if single = !strings.HasPrefix(strings.TrimSpace(features), "["); single && len(records) != 1 {
		return nil, false, retrain.Errorf(retrain.DataValidationError, "--features: no record")
	}
	return records, single, nil
}

func (c *call) questionsOf(file string) ([]retrain.Record, error) {
	in, err := openInput(file, c.flags.String("format"), c.Stdin)
	if err != nil {
		return nil, err
	}
	var list []retrain.Record
	for r, e := range in.records() {
		if err = e; err != nil {
			break
		}
		list = append(list, r)
	}
	return list, errors.Join(err, in.close())
}

// ask puts the questions in portions. Those to a time series are its latest records, which belong together: several of them
// make one answer.
func (c *call) ask(ctx context.Context, m *retrain.Model, which retrain.Which, questions []retrain.Record) ([]answered, error) {
	answers, size := make([]answered, 0, len(questions)), portion
	series := m.Type == retrain.TimeSeries
	if series {
		size = max(1, len(questions))
	}
	to := c.asker()
	bar := c.bar(len(questions), "predict")
	defer bar.end()
	for records := range slices.Chunk(questions, size) {
		predictions, version, err := to.Predict(ctx, m.Name, which, records)
		if err == nil && len(predictions) != len(records) && !series {
			err = retrain.Errorf(retrain.PredictionError, "%d answers to %d questions", len(predictions), len(records))
		}
		if err != nil && len(questions) > size {
			err = fmt.Errorf("%s: %w", part{records, len(answers)}, err)
		}
		if err != nil {
			return nil, unanswered(err, len(questions))
		}
		for _, p := range predictions {
			answers = append(answers, answered{m.Name, version, p})
		}
		bar.add(len(records))
	}
	return answers, nil
}

// unanswered says how the other questions would be answered, where one of several was wrong.
func unanswered(err error, questions int) error {
	if e, ok := errors.AsType[*retrain.Error](err); ok && questions > 1 && e.Code == retrain.DataValidationError && e.Hint == "" {
		return retrain.Errorf(e.Code, "%w", err).WithHint("-o answers.jsonl answers the others, and says of each what is wrong")
	}
	return err
}

func (c *call) asker() asker {
	url := c.flags.String("url")
	if url == "" && !c.flags.Bool("queue") {
		url = c.config.PredictURL
	}
	if url == "" {
		return c.app.Predictor
	}
	return &client{URL: strings.TrimSuffix(url, "/")}
}

func printAnswers(w io.Writer, answers []answered) {
	if len(answers) == 0 {
		return
	}
	header := []any{"prediction", "version"}
	confident := slices.ContainsFunc(answers, func(a answered) bool { return a.Confidence != nil })
	if confident {
		header = []any{"prediction", "confidence", "version"}
	}
	t := listing(w, header...)
	for _, a := range answers {
		row := []any{predictionWord(a.Prediction.Prediction)}
		if confident {
			row = append(row, confidenceWord(a.Confidence))
		}
		t.AppendRow(append(row, a.Version))
	}
	t.Render()
}

func predictionWord(v any) string {
	switch v := v.(type) {
	case float64:
		return fmt.Sprintf("%.6g", v)
	case string:
		return v
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func confidenceWord(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f", *v)
}
