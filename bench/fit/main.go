// Command fit trains the same networks on the same data in Retrain and in what people would use otherwise, in one run on one
// machine. It prints tables as Markdown and may write the results as JSON and as a picture.
//
//	go run ./bench/fit -python PYTHON [-case NAME] [-rounds 2] [-json fit.json] [-svg fit.svg]
//
// PYTHON is one that has any of tensorflow (with Keras), scikit-learn and jax; what it lacks is left out.
//
// Whoever trains does so in a process of its own, some times over: the first training shows what compiling costs, the best of
// the others what a training takes. Other work on the machine disturbs such figures, so everyone has a turn in each of some
// rounds, and the best of all rounds counts. Retrain's trainings are whole fits, from records to a version's files; its peers
// are given arrays that are ready, and write nothing.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	b := &bench{}
	flag.StringVar(&b.python, "python", "python3", "a Python that has the peers")
	only := flag.String("case", "", "run this case alone")
	flag.IntVar(&b.rounds, "rounds", 2, "how often everyone has a turn")
	jsonPath := flag.String("json", "", "write the results to this file")
	svgPath := flag.String("svg", "", "draw the time per step into this file")
	child := flag.String("child", "", "train Retrain in this case, as JSON, and print the result: what this program calls itself for")
	flag.Parse()
	var err error
	if *child != "" {
		err = printOurs(context.Background(), *child)
	} else {
		err = run(context.Background(), b, *only, *jsonPath, *svgPath)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, b *bench, only, jsonPath, svgPath string) error {
	var reports []Report
	for _, c := range cases {
		if only != "" && c.Name != only {
			continue
		}
		results, err := b.measure(ctx, c)
		if err != nil {
			return err
		}
		reports = append(reports, Report{c, results})
	}
	if len(reports) == 0 {
		return fmt.Errorf("there is no case %q", only)
	}
	on := machine()
	fmt.Printf("On %s. The best of some trainings counts, for everyone.\n\n", on)
	for i := range reports {
		reports[i].show()
	}
	if svgPath != "" {
		if err := os.WriteFile(svgPath, picture(reports, on), 0o600); err != nil {
			return err
		}
	}
	if jsonPath == "" {
		return nil
	}
	out, err := json.MarshalIndent(reports, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(jsonPath, append(out, '\n'), 0o600)
}
