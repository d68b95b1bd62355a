package mlcore

// Slice makes every slice of e's fits that many steps.
func Slice(e *Engine, steps int) { e.slice = steps }
