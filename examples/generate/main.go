// Command generate writes the made-up data of the examples, the same in every run:
//
//	go run ./examples/generate examples
package main

import (
	"encoding/csv"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// The files that are made, each by a generator with a seed of its own.
var files = map[string]func(*rand.Rand) [][]string{
	"price/products.csv":      products,
	"spam/emails.csv":         emails,
	"sales/days.csv":          days,
	"partitions/products.csv": catalogue,
	"transforms/houses.csv":   houses,
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate FOLDER")
		os.Exit(2)
	}
	for name := range files {
		if err := write(filepath.Join(os.Args[1], name), rows(name)); err != nil {
			fmt.Fprintln(os.Stderr, "generate:", err)
			os.Exit(1)
		}
	}
}

// rows returns a file's header and records.
func rows(name string) [][]string {
	return files[name](rand.New(rand.NewPCG(1, uint64(len(name)))))
}

func write(name string, rows [][]string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := csv.NewWriter(f).WriteAll(rows); err != nil {
		return err
	}
	return f.Close()
}

// products sell at cost and margin, a little cheaper where many want them.
func products(r *rand.Rand) [][]string {
	table := [][]string{{"id", "cost", "margin", "demand", "price"}}
	for i := range 200 {
		cost, margin, demand := between(r, 20, 200), between(r, 0.1, 0.5), between(r, 50, 1000)
		price := cost*(1+margin) - demand/100 + r.NormFloat64()
		table = append(table, row("p", i, money(cost), number(margin, 2), number(demand, 0), money(price)))
	}
	return table
}

// emails are spam by their links, capitals and exclamation marks; one in fifty is labelled wrongly, as people do.
func emails(r *rand.Rand) [][]string {
	table := [][]string{{"id", "words", "links", "capitals", "exclamations", "known_sender", "label"}}
	for i := range 300 {
		spam := r.Float64() < 0.4
		words, links, capitals, marks, known := between(r, 40, 400), r.IntN(3), between(r, 0.01, 0.15), r.IntN(2), r.Float64() < 0.7
		if spam {
			words, links, capitals, marks, known = between(r, 20, 200), 1+r.IntN(9), between(r, 0.05, 0.6), r.IntN(9), r.Float64() < 0.1
		}
		label := "ham"
		if spam != (r.Float64() < 0.02) {
			label = "spam"
		}
		table = append(table, row("e", i, number(words, 0), strconv.Itoa(links), number(capitals, 2), strconv.Itoa(marks),
			strconv.FormatBool(known), label))
	}
	return table
}

// days are the takings of a shop: more at the end of the week, more with an advertisement, slowly growing.
func days(r *rand.Rand) [][]string {
	table := [][]string{{"id", "day", "advertised", "takings"}}
	for i := range 365 {
		advertised := r.Float64() < 0.15
		takings := 1000 + 0.5*float64(i) + 250*math.Sin(2*math.Pi*float64(i%7)/7) + 25*r.NormFloat64()
		if advertised {
			takings += 150
		}
		day := time.Date(2024, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		table = append(table, row("d", i, day, strconv.FormatBool(advertised), money(takings)))
	}
	return table
}

// catalogue has two categories that price their products differently.
func catalogue(r *rand.Rand) [][]string {
	table := [][]string{{"id", "category", "cost", "margin", "demand", "price"}}
	for i := range 120 {
		category, factor := "electronics", 1.0
		if i%2 == 1 {
			category, factor = "furniture", 1.8
		}
		cost, margin, demand := between(r, 50, 500), between(r, 0.2, 0.5), between(r, 20, 200)
		price := factor*cost + 300*margin - demand/10 + 4*r.NormFloat64()
		table = append(table, row("c", i, category, money(cost), number(margin, 2), number(demand, 0), money(price)))
	}
	return table
}

// houses are worth what the logarithm of their distance and the product of their sides say; every tenth entry is a slip.
func houses(r *rand.Rand) [][]string {
	table := [][]string{{"id", "width", "depth", "distance", "price"}}
	for i := range 200 {
		width, depth, distance := between(r, 5, 20), between(r, 5, 20), math.Exp(between(r, 0, 4))
		price := 2000*width*depth - 60000*math.Log(distance) + 300000 + 10000*r.NormFloat64()
		if i%10 == 9 {
			price = between(r, 0, 5e6)
			if r.IntN(2) == 0 {
				price = -1
			}
		}
		table = append(table, row("h", i, number(width, 1), number(depth, 1), number(distance, 2), number(price, 0)))
	}
	return table
}

func between(r *rand.Rand, low, high float64) float64 { return low + (high-low)*r.Float64() }

func money(v float64) string { return number(v, 2) }

func number(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }

func row(prefix string, i int, cells ...string) []string {
	return append([]string{fmt.Sprintf("%s%03d", prefix, i+1)}, cells...)
}
