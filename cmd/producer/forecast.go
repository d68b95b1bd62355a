package main

import (
	"context"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"retrain"
)

func (p *program) forecastCommand() *cli.Command {
	return &cli.Command{
		Name:      "forecast",
		Usage:     "the next values of a time series",
		ArgsUsage: "MODEL --steps N",
		Description: `  producer forecast sales --steps 7              after the records that are stored
  producer forecast sales --steps 7 -f last.csv  after these, the latest last`,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "steps", Value: 1, Usage: "how many values"},
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "the latest records, of `FILE`, csv or jsonl, - for stdin"},
			&cli.StringFlag{Name: "format", Usage: "`FORMAT` of the file: csv, jsonl, json or parquet; by default the name tells"},
			&cli.IntFlag{Name: "version", Usage: "by version `N`; by default the champion"},
			&cli.StringFlag{Name: "label", Usage: "by the version with this `LABEL`: champion, previous, or one that the model declares"},
			&cli.StringFlag{Name: "url", Usage: "the prediction worker's `URL`; by default the configuration's predictUrl"},
		},
		Action: p.joined(forecast, "MODEL"),
	}
}

// A forecasted is the answer to a forecast.
type forecasted struct {
	Model    string `json:"model"`
	Version  int    `json:"version"`
	Forecast []any  `json:"forecast"`
}

func forecast(ctx context.Context, c *call) (err error) {
	url := c.flags.String("url")
	if url == "" {
		url = c.config.PredictURL
	}
	if url == "" {
		return usage("forecast needs --url, or a predictUrl in the configuration").hinted("producer forecast MODEL --steps 7 --url http://127.0.0.1:8501")
	}
	var history []retrain.Record // nil: the worker takes those that are stored
	if file := c.flags.String("file"); file != "" {
		if history, err = c.questionsOf(file); err != nil {
			return err
		}
	}
	which, err := c.which()
	if err != nil {
		return err
	}
	answer := forecasted{Model: c.name(0)}
	to := &client{URL: strings.TrimSuffix(url, "/")}
	if answer.Forecast, answer.Version, err = to.Forecast(ctx, answer.Model, which, history, c.flags.Int("steps")); err != nil {
		return err
	}
	return c.answer(answer, func(w io.Writer) {
		t := listing(w, "step", "forecast", "version")
		for i, v := range answer.Forecast {
			t.AppendRow([]any{i + 1, predictionWord(v), answer.Version})
		}
		t.Render()
	})
}
