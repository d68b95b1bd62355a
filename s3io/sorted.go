package s3io

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"time"

	"retrain"
)

// A partition's records are read from a copy of each segment that is sorted by the partition's fields, so that they stand
// together, in row groups of their own where there are enough of them: then reading them costs their own bytes. A copy costs the
// segment's space once more. That was preferred to one file in the order of some partition: records are also read as a
// whole, in the order of their insertion, and a resource with two partitions would need the second copy anyway. Partitions of
// which one has all fields of the other share a copy.

// sortings returns by which fields a resource's segments are sorted, for all its partitions.
func sortings(partitions map[string][]string) [][]string {
	var sets [][]string
	for _, name := range slices.Sorted(maps.Keys(partitions)) {
		set := slices.Clone(partitions[name])
		slices.Sort(set)
		if set = slices.Compact(set); len(set) > 0 {
			sets = append(sets, set)
		}
	}
	slices.SortStableFunc(sets, func(a, b []string) int { return cmp.Or(cmp.Compare(len(a), len(b)), slices.Compare(a, b)) })
	sets = slices.CompactFunc(sets, slices.Equal)
	var all [][]string
	for _, set := range sets {
		i := slices.IndexFunc(all, func(fields []string) bool { return containsAll(set, fields) })
		if i < 0 {
			all = append(all, set)
			continue
		}
		for _, f := range set {
			if !slices.Contains(all[i], f) {
				all[i] = append(slices.Clip(all[i]), f)
			}
		}
	}
	return all
}

func containsAll(set, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(set, s) })
}

// serves reports whether what is sorted by fields has the rows of a partition together.
func serves(fields []string, p *retrain.PartitionRef) bool {
	if p == nil || len(p.Values) == 0 || len(p.Values) > len(fields) {
		return false
	}
	for _, f := range fields[:len(p.Values)] {
		if _, ok := p.Values[f]; !ok {
			return false
		}
	}
	return true
}

// sortedBy returns the rows, by their positions in the main file, in the order of the values of fields, and then of their
// insertion; in row groups, and what those have. Rows without a value of the first field are left out: they are in no partition.
func (s *shape) sortedBy(fields []string) (groups [][]int32, metas []groupMeta) {
	keys := make([][]int32, len(fields)) // by field, then by position: place in texts, 0 for none
	texts := make([][]string, len(fields))
	for i, field := range fields {
		keys[i], texts[i] = s.codes(field)
	}
	rows := make([]int32, 0, len(s.picks))
	for pos := range s.picks {
		if keys[0][pos] != 0 {
			rows = append(rows, int32(pos))
		}
	}
	compare := func(a, b int32) int {
		for _, k := range keys {
			if d := cmp.Compare(k[a], k[b]); d != 0 {
				return d
			}
		}
		return 0
	}
	slices.SortStableFunc(rows, compare)
	tuple := func(pos int32) []*string {
		t := make([]*string, len(fields))
		for i := range fields {
			if k := keys[i][pos]; k != 0 {
				t[i] = &texts[i][k-1]
			}
		}
		return t
	}
	for _, g := range cut(rows, compare) {
		groups = append(groups, g)
		metas = append(metas, groupMeta{tuple(g[0]), tuple(g[len(g)-1])})
	}
	return groups, metas
}

// How finely a copy is cut: a value with this share of the rows stands in row groups of its own, if it has so many.
const (
	finest   = 1.0 / 200
	fewest   = 256
	mostRows = groupRows
)

// cut divides sorted rows into row groups. Values with few rows share one.
func cut(rows []int32, compare func(a, b int32) int) (groups [][]int32) {
	enough := max(fewest, int(float64(len(rows))*finest))
	begin := 0
	for from := 0; from < len(rows); {
		to := from + sort.Search(len(rows)-from, func(i int) bool { return compare(rows[from], rows[from+i]) < 0 })
		if to-from >= enough && from > begin {
			groups, begin = append(groups, rows[begin:from]), from
		}
		if to-begin >= enough {
			for part := range slices.Chunk(rows[begin:to], mostRows) {
				groups = append(groups, part)
			}
			begin = to
		}
		from = to
	}
	if begin < len(rows) {
		groups = append(groups, rows[begin:])
	}
	return groups
}

// codes returns for each row the place of its value at a path among all different ones, from 1, in their order as texts.
func (s *shape) codes(path string) (codes []int32, texts []string) {
	byText := make(map[string]int32)
	codes = make([]int32, len(s.picks))
	at := make([]pathIn, len(s.frames))
	for i, f := range s.frames {
		at[i] = newPathIn(f.all, path)
	}
	for pos, p := range s.picks {
		v := at[p.frame].value(int(p.row))
		if v == nil {
			continue
		}
		text := retrain.ValueText(v)
		code, ok := byText[text]
		if !ok {
			texts = append(texts, text)
			code = int32(len(texts))
			byText[text] = code
		}
		codes[pos] = code
	}
	order := make([]int32, len(texts)) // the places of texts as they came, by their order
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(texts[a], texts[b]) })
	ranks, sorted := make([]int32, len(texts)+1), make([]string, len(texts))
	for rank, i := range order {
		ranks[i+1], sorted[rank] = int32(rank)+1, texts[i]
	}
	for pos := range codes {
		codes[pos] = ranks[codes[pos]]
	}
	return codes, sorted
}

// mayHave reports whether a row group with these keys may have rows of a partition.
func (g *groupMeta) mayHave(fields []string, p *retrain.PartitionRef) bool {
	afterFirst, beforeLast := true, true // of what comes so far in the keys, the group's limits are the partition's values
	for i, f := range fields {
		v, ok := p.Values[f]
		if !ok || i >= len(g.First) || i >= len(g.Last) {
			return true
		}
		low, high := textRange(retrain.ValueText(v))
		if beforeLast && (g.Last[i] == nil || *g.Last[i] < low) || afterFirst && g.First[i] != nil && *g.First[i] > high {
			return false
		}
		afterFirst = afterFirst && g.First[i] != nil && *g.First[i] == low && low == high
		beforeLast = beforeLast && g.Last[i] != nil && *g.Last[i] == high && low == high
	}
	return true
}

// textRange returns between which texts those are that equal a partition's value: a day is the value of its moments, which
// may be written in any zone.
func textRange(want string) (low, high string) {
	day, err := time.Parse(time.DateOnly, want)
	if err != nil {
		return want, want
	}
	return day.AddDate(0, 0, -1).Format(time.DateOnly), day.AddDate(0, 0, 2).Format(time.DateOnly)
}
