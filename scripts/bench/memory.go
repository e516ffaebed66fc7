package main

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// dataset is what Redis uses for data, in bytes: the median of some samples, since
// what a command under way needs is counted in.
func (s *servers) dataset(ctx context.Context) (float64, error) {
	var samples []float64
	for range 5 {
		info, err := s.info(ctx, "memory")
		if err != nil {
			return 0, err
		}
		n, err := strconv.ParseFloat(info["used_memory_dataset"], 64)
		if err != nil {
			return 0, fmt.Errorf("INFO memory: used_memory_dataset: %w", err)
		}
		samples = append(samples, n)
		time.Sleep(100 * time.Millisecond)
	}
	return quantile(samples, 0.5), nil
}
