"""One family of networks a file that tell classes of pictures apart: dataclasses with `build(shape, classes)`.

`emotf.classifiers.base.named("se_resnext101")` makes one by its name: the family, and its depth. Their parameters,
those that training changes and all that a network keeps (with the moving means and variances of batch normalisation),
and the features of their bodies:

    name            1000 classes: trained         all    7 classes: trained         all    features
    resnet18                   11,689,512  11,699,112            11,180,103  11,189,703         512
    resnet50                   25,583,592  25,636,712            23,548,935  23,602,055        2048
    resnet101                  44,601,832  44,707,176            42,567,175  42,672,519        2048
    resnet152                  60,268,520  60,419,944            58,233,863  58,385,287        2048
    se_resnext50               27,559,896  27,628,120            25,525,239  25,593,463        2048
    se_resnext101              48,955,416  49,093,272            46,920,759  47,058,615        2048
    se_resnext152              66,580,440  66,779,736            64,545,783  64,745,079        2048
    densenet121                 7,978,856   8,062,504             6,961,031   7,044,679        1024
    densenet161                28,681,000  28,900,936            26,487,463  26,707,399        2208
    densenet169                14,149,480  14,307,880            12,496,135  12,654,535        1664
    densenet201                20,013,928  20,242,984            18,106,375  18,335,431        1920
    small_cnn, 8 x 8 x 1                                             89,119      89,551         120

Keras prints all parameters of its networks (ResNet50, 101, 152, DenseNet121, 169, 201: the column `all`), PyTorch's
libraries the trained ones (torchvision: ResNet18, all DenseNets; pretrainedmodels: SE-ResNeXt50, 101), each to the last
digit as here. Of ResNet50, 101 and 152 torchvision prints 26,560, 52,672 and 75,712 less: it has no biases before batch
normalisation. SE-ResNeXt152 (32x4d) is printed nowhere that we know of; it follows from its layers.
"""
