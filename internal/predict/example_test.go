package predict_test

import (
	"fmt"
	"log"

	"hdmnet/internal/predict"
)

// A support on the command line is a picture and its marks. The example of package
// experiment segments a picture with one.
func ExampleParseSupport() {
	s, err := predict.ParseSupport("cat.jpg:box=10,20,110,220:point=60,90:not=5,5")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Image, s.Boxes, s.Points, s.Not)

	_, err = predict.ParseSupport("cat.jpg")
	fmt.Println(err != nil)
	// Output:
	// cat.jpg [{10 20 110 220}] [{60 90}] [{5 5}]
	// true
}
