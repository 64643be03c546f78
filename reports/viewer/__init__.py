"""Viewer of a report: a gallery of all test pairs, and all sources of a pair in one viewport.

The report's folder gets ``viewer.html`` (page, style, script and data in one file) and ``images/``.
It works from disk, without a network.

The part of the address after ``#`` restores a view. It consists of ``name=value``, joined by ``&``.
Every value is percent-encoded (`urllib.parse.quote` with ``safe=""``); the entries of a list are
encoded one by one and joined by commas. Everything may be missing, and unknown names are ignored.

``task``        name of the task; the first one without it
``image``       key of the pair; without it the gallery is shown
``view``        ``single`` (default), ``curtain`` (the first two of ``sources``) or ``grid``
``sources``     list of names of sources; ``single`` shows the first one
``zoom``        ``scale,x,y``: 1 is the whole image; x and y are the center, in pixels of the image
``curtain``     position of the curtain in percent of the width, 0 to 100
``confidence``  smallest confidence of predicted boxes, 0 to 1; or ``best``: each source's own
                confidence of the best mean F1
``class``       name of the only class that is shown and counted
``metric``      title of the fusion metric of a quality task
``layers``      list: ``truth``, ``hits``, ``misses``, ``false``, ``names``, ``labels``, ``errors``
``opacity``     of label maps, in percent
``condition``   gallery: name of the only condition that is listed
``show``        gallery: ``all``, ``gained``, ``lost`` or ``false``
``sort``        gallery: ``key``, ``gain``, ``loss``, ``spread``, ``low`` or ``high``
``candidate``   gallery: name of the source that is compared with both sensors

For example ``viewer.html#task=m3fd-detection&image=00012&sources=dmfuse,infrared&view=curtain``.
`reports.viewer.links` builds such links.
"""
