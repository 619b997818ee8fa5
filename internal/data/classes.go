package data

// ClassNames are the names of a known data set's classes, the place being the
// class id: [0] is "background". Data sets: "pascal", "coco", "shapes5i"; nil for
// any other (ReadClasses reads those of a custom set).
func ClassNames(dataset string) []string {
	switch dataset {
	case "pascal":
		return pascalClasses
	case "coco":
		return cocoClasses
	case "shapes5i":
		return shapeClasses
	}
	return nil
}

var pascalClasses = []string{
	"background", "aeroplane", "bicycle", "bird", "boat", "bottle",
	"bus", "car", "cat", "chair", "cow",
	"diningtable", "dog", "horse", "motorbike", "person",
	"pottedplant", "sheep", "sofa", "train", "tvmonitor",
}

// COCO's category ids have gaps (1..90); these are the 80 that exist, in order.
var cocoClasses = []string{
	"background",
	"person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
	"fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
	"elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee",
	"skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
	"wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange",
	"broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed",
	"dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven",
	"toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
}
