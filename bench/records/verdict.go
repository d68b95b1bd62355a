package main

import (
	"fmt"
	"os"

	"github.com/jedib0t/go-pretty/v6/table"
)

// A Check is a number that was promised, beside what it is.
type Check struct {
	Where  string  `json:"where"`
	What   string  `json:"what"`
	Is     float64 `json:"is"`
	Target float64 `json:"target"` // 0: nothing was promised
	Least  bool    `json:"least"`  // whether the target is the least that it may be, or the most
	Unit   string  `json:"unit"`
}

// Met reports whether the number is as promised.
func (c *Check) Met() bool {
	if c.Least {
		return c.Is >= c.Target
	}
	return c.Is < c.Target
}

// checks returns what was promised of the results that are there.
func checks(rows []Row) []Check {
	r := make(results, len(rows))
	for _, row := range rows {
		r[[4]string{row.Where, row.What, row.Who, row.When}] = row.Result
	}
	var all []Check
	for _, where := range []string{"near", "far"} {
		all = append(all, r.besides(where)...)
		if where == "near" {
			all = append(all, r.reads()...)
		}
		all = append(all, r.partitions(where)...)
	}
	return append(all, r.flat()...)
}

// Results are found by where, what, who and when.
type results map[[4]string]Result

func (r results) rate(where, what, who, when string) (float64, bool) {
	got, ok := r[[4]string{where, what, who, when}]
	if !ok || got.Rows == 0 {
		return 0, false
	}
	return float64(got.Rows) / got.Seconds[0], true
}

// floor is what a warm reading would cost that listed as the SDK does, and knew everything else.
const floor = "one listing, nothing else"

// besides compares with s3db.js; of its two ways to read everything the quicker one counts.
func (r results) besides(where string) (all []Check) {
	const legacy = "s3db, 10000"
	list, _ := r.rate(where, legacy, "s3db.js", "list")
	every, _ := r.rate(where, legacy, "s3db.js", "getAll")
	insert, _ := r.rate(where, "insert", "s3db.js", "insertMany of 1,000")
	for _, c := range []struct {
		what, when, text string
		theirs, target   float64
	}{
		{"insert", "batches of 1,000", "batches of 1,000 beside insertMany", insert, 50},
		{legacy, "cold", "a database of s3db.js, cold, beside s3db.js", max(list, every), 3},
		{legacy, "warm", "the same, warm", max(list, every), 50},
		{legacy, floor, "floor: one listing by the AWS SDK, page after page, and nothing else", max(list, every), 0},
	} {
		who := "Retrain"
		if c.when == floor {
			who = "AWS SDK"
		}
		if ours, ok := r.rate(where, c.what, who, c.when); ok && c.theirs > 0 {
			all = append(all, Check{where, c.text, ours / c.theirs, c.target, true, "×"})
		}
	}
	return all
}

// reads are how long it takes to read what was inserted here, and how much memory.
func (r results) reads() (all []Check) {
	for _, when := range []string{"as inserted", "compacted"} {
		if got, ok := r[[4]string{"near", "read 10000", "Retrain", when}]; ok {
			all = append(all, Check{"near", "read 10,000, " + when, got.Seconds[0], 0.1, false, "s"})
		}
		if got, ok := r[[4]string{"near", "read 1000000", "Retrain", when}]; ok {
			all = append(all, Check{"near", "read 1,000,000, " + when, got.Seconds[0], 5, false, "s"},
				Check{"near", "memory for that", got.Memory, 1024, false, "MiB"})
		}
	}
	return all
}

// partitions are the bytes that 5 % of the records cost, of those of all.
func (r results) partitions(where string) (all []Check) {
	for rows := 10_000; rows <= 1_000_000; rows *= 10 {
		whole, one := r[[4]string{where, fmt.Sprintf("read %d", rows), "Retrain", "compacted"}], r[[4]string{where, fmt.Sprintf("5 %% of %d", rows), "Retrain", "compacted"}]
		if whole.Bytes > 0 && one.Bytes > 0 {
			all = append(all, Check{where, fmt.Sprintf("bytes of 5 %% of %d, of the bytes of all", rows), 100 * float64(one.Bytes) / float64(whole.Bytes), 10, false, "%"})
		}
	}
	return all
}

// flat is how much longer a record takes among a million than among ten thousand.
func (r results) flat() []Check {
	few, ok := r.rate("near", "read 10000", "Retrain", "compacted")
	many, also := r.rate("near", "read 1000000", "Retrain", "compacted")
	if !ok || !also {
		return nil
	}
	return []Check{{"near", "time of a record among 1,000,000, beside one among 10,000", few / many, 1.2, false, "×"}}
}

// tell prints the checks as Markdown.
func tell(all []Check) {
	t := table.NewWriter()
	t.SetOutputMirror(os.Stdout)
	t.AppendHeader(table.Row{"where", "what", "is", "promised", ""})
	for i := range all {
		c := &all[i]
		if c.Target == 0 {
			t.AppendRow(table.Row{c.Where, c.What, fmt.Sprintf("%.3g %s", c.Is, c.Unit), "", ""})
			continue
		}
		bound, met := "below", "yes"
		if c.Least {
			bound = "at least"
		}
		if !c.Met() {
			met = "NO"
		}
		t.AppendRow(table.Row{c.Where, c.What, fmt.Sprintf("%.3g %s", c.Is, c.Unit), fmt.Sprintf("%s %g %s", bound, c.Target, c.Unit), met})
	}
	t.RenderMarkdown()
}
