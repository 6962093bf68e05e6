"""CT volumes, measured and not learned: thresholds in Hounsfield units, and morphology.

    spec.py        what the specialist takes and gives
    reference.py   the backend: reads the volume, and calls what follows
    grid.py        a coarser working grid, and the way back
    morphology.py  dilation, erosion, closing and filling in mm
    body.py        the body: no table, no clothes; the inner side of the muscle wall
    lungs.py       left and right lung, and gas that is not lung
    sides.py       right or left, and where lungs that touch are parted
    bone.py        bone, and thick contrast-filled structures that are not bone
    foci.py        small dense things in soft tissue
    masks.py       all of these as one map with one label a voxel
    region.py      which part of the body this is, and what is cut off
    scan.py        a scan with its masks; rounding and writing of numbers
    measure.py     the numbers
    report.py      the sentences
    picture.py     the montages
    phantom.py     a synthetic chest of known volumes
    validate.py    Dice against reference segmentations, written to the card `reference.json`

Masks take arrays (x, y, z) whose axes grow to the patient's right, front and top.
"""
