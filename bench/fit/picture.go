package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// Lengths in the picture, in pixels.
const (
	width, most = 900, 440 // of all, of the longest bar
	left        = 330      // where bars begin
	bar, head   = 30, 52   // heights of a bar with its gap, and of what stands above a case's first
)

// picture draws the times per step of all cases, as measured on a machine, as bars on one logarithmic scale.
func picture(reports []Report, machine string) []byte {
	longest, height := 10.0, 70
	for i := range reports {
		p := &reports[i]
		for j := range p.Results {
			longest = max(longest, p.perStep(&p.Results[j]))
		}
		height += head + bar*len(p.Results)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="14">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	write(&b, 12, 28, `font-size="18"`, "One step of training: µs, logarithmic; shorter is better")
	write(&b, 12, height-14, `font-size="11" fill="#66707a"`, machine)
	y := 36
	for i := range reports {
		write(&b, 12, y+head-20, `font-weight="bold"`, reports[i].Case.String())
		y = reports[i].bars(&b, y+head, longest)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// bars draws a case from y down and returns where it ended.
func (p *Report) bars(b *bytes.Buffer, y int, longest float64) int {
	for i := range p.Results {
		r := &p.Results[i]
		us := p.perStep(r)
		colour := "#9aa5b1"
		if r.who == retrains {
			colour = "#2f6fde"
		}
		length := most * math.Log10(max(us, 1)) / math.Log10(longest)
		write(b, left-10, y+5, `text-anchor="end"`, fmt.Sprintf("%s, %d epochs", r.Name, r.Epochs))
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="20" fill="%s"/>`+"\n", left, y-10, length, colour)
		write(b, left+int(length)+8, y+5, "", fmt.Sprintf("%.*f", max(0, 2-int(math.Log10(max(us, 1)))), us))
		y += bar
	}
	return y
}

func write(b *bytes.Buffer, x, y int, style, s string) {
	fmt.Fprintf(b, `<text x="%d" y="%d" %s>%s</text>`+"\n", x, y, style, html.EscapeString(s))
}
