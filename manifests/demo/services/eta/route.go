package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// point is kilometres east and north of the town hall.
type point struct{ x, y float64 }

// parsePoint reads "3,5".
func parsePoint(text string) (point, error) {
	east, north, found := strings.Cut(text, ",")
	x, errX := strconv.ParseFloat(east, 64)
	y, errY := strconv.ParseFloat(north, 64)
	if !found || errX != nil || errY != nil {
		return point{}, fmt.Errorf("%q is no point such as 3,5", text)
	}
	return point{x, y}, nil
}

// minutes of a drive along the streets, which run east and north.
func minutes(from, to point) int {
	kilometres := math.Abs(from.x-to.x) + math.Abs(from.y-to.y)
	return int(math.Ceil(kilometres * 60 / kilometresPerHour))
}
