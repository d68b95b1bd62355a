package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strings"
)

// picture draws the time per step as bars on a logarithmic scale.
func picture(results []Result) []byte {
	const width, bar, left, most = 860, 34, 330, 400
	longest := 0.0
	for i := range results {
		longest = max(longest, results[i].PerStep())
	}
	scale := func(us float64) float64 { return most * math.Log10(max(us, 1)) / math.Log10(longest) }
	var b bytes.Buffer
	height := 60 + bar*len(results)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="14">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text x="12" y="26" font-size="16">One training step, 8 → 64 → 32 → 1 on batches of %d: µs, logarithmic</text>`+"\n", batch)
	for i := range results {
		r := &results[i]
		y := 46 + i*bar
		colour := "#9aa5b1"
		if strings.HasPrefix(r.Name, "Retrain") {
			colour = "#2f6fde"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-10, y+17, html.EscapeString(r.Name))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="22" fill="%s"/>`+"\n", left, y, scale(r.PerStep()), colour)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d">%.1f</text>`+"\n", left+scale(r.PerStep())+8, y+17, r.PerStep())
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
